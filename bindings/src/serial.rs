//! A serial line that carries OBEX: its address, the AT dialogue before OBEX, its end.
//!
//! The waiting end behaves as a modem does, the dialling end as a modem's user. What is said is
//! decided without IO; the drivers only carry it.
//!
//! ```no_run
//! # async fn wait() -> Result<(), Box<dyn std::error::Error>> {
//! use omadm_bindings::serial::{Farewell, Identity, SerialAddress, SerialPort};
//!
//! let address: SerialAddress = "tty+obex:///dev/ttyS0?baud=115200".parse()?;
//! let port = SerialPort::open(&address)?;
//! let line = port.accept(Identity::default()).await?;
//! // OBEX packets are read from the line and written to it, then:
//! let port = line.leave(Farewell::Orderly).await?;
//! # drop(port);
//! # Ok(())
//! # }
//! ```

mod address;
mod backoff;
mod dial;
mod entry;
mod front;
mod holder;
mod line;
mod marks;
mod place;
mod port;
mod wait;
mod waiting;
mod watch;

pub use crate::arrival::Identity;
pub use address::{Carrier, Entry, Flow, SerialAddress};
pub use backoff::Backoff;
pub use front::{Farewell, Leave};
pub use line::SerialLine;
pub(crate) use place::SCHEME;
pub use port::SerialPort;
pub use waiting::Waiting;
