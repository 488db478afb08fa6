//! A null-modem cable between two programs: two pseudo-terminals, whose paths are printed, with
//! nothing between them. It is unplugged when its standard input ends.
//!
//! ```sh
//! cargo run -p omadm-bindings --example null_modem
//! ```
#![expect(clippy::disallowed_methods, reason = "driver: two terminals")]

use std::error::Error;
use tokio::io::{AsyncReadExt, copy_bidirectional, stdin};
use tokio_serial::{SerialPort as _, SerialStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut one, one_end) = SerialStream::pair()?;
    let (mut other, other_end) = SerialStream::pair()?;
    for end in [&one_end, &other_end] {
        println!("{}", end.name().ok_or("a terminal without a path")?);
    }
    let (mut plug, mut nothing) = (stdin(), Vec::new());
    // The ends are held open here, so that neither hangs up while no program has it.
    tokio::select! {
        carried = copy_bidirectional(&mut one, &mut other) => drop(carried?),
        _ = plug.read_to_end(&mut nothing) => {}
    }
    Ok(())
}
