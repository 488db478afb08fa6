//! Waits on a line as an OBEX server, which is how a device is met on local bearers.

use crate::address::{Address, AddressError};
use crate::arrival::{Arrival, ListenSettings, Listening};

use tokio::sync::{mpsc, watch};

/// Waits at `address` until the returned value is dropped. Whoever begins a session arrives in
/// `arrivals`; while `busy`, those who connect anew are told so (0xD3).
///
/// A line that is not there, or goes away, is waited for: [`Listening::state`] says so.
pub fn listen(
    address: &Address,
    settings: ListenSettings,
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Receiver<bool>,
) -> Result<Listening, AddressError> {
    drop((settings, arrivals, busy));
    Err(AddressError::new(format!(
        "{address}: nothing can wait there"
    )))
}
