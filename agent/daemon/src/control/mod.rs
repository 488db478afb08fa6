//! Local control over Varlink: the socket, its connections, and the calls that come of them.
//!
//! A connection task frames, parses and checks the caller's rights; what a call means is left
//! to the event loop, which is handed an [`Asked`] for each.

mod connection;
mod frame;
mod request;
pub(crate) mod service;
mod socket;
pub mod wire;

pub use connection::{Answer, Asked};
pub use request::Request;
pub use socket::{Listener, Rights};
