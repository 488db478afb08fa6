//! A null-modem cable between two programs: two pseudo-terminals, whose paths are printed, with
//! nothing between them but this program.
//!
//! ```sh
//! cargo run -p omadm-bindings --example null_modem
//! ```

use std::error::Error;
use tokio::io::copy_bidirectional;
use tokio_serial::{SerialPort as _, SerialStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The ends are held open here, so that neither hangs up while no program has it.
    let (mut one, one_end) = SerialStream::pair()?;
    let (mut other, other_end) = SerialStream::pair()?;
    for end in [&one_end, &other_end] {
        println!("{}", end.name().ok_or("a terminal without a path")?);
    }
    copy_bidirectional(&mut one, &mut other).await?;
    Ok(())
}
