//! `bt+obex`: OBEX over RFCOMM, by way of BlueZ.
//!
//! A device publishes the service class SyncML DM Client and waits on an RFCOMM channel; whoever
//! dials finds the channel by SDP. Both ends have to be paired, and a device lets in the peers
//! alone that its accounts list.
//!
//! `bluetoothd` keeps the keys, pairs, and publishes the service; what is here never switches an
//! adapter on.
//!
//! ```no_run
//! # async fn look() -> std::io::Result<()> {
//! use omadm_bindings::bluetooth;
//! use std::time::Duration;
//!
//! for found in bluetooth::scan(None, Duration::from_secs(10)).await? {
//!     println!("{} {:?}", found.address, found.classes);
//! }
//! # Ok(())
//! # }
//! ```

mod adapters;
mod address;
mod bus;
mod classes;
mod dial;
mod listener;
mod pairing;
mod place;
mod record;
mod scan;
mod sdp;
mod search;
mod session;

pub use crate::peer::PeerAddress;
pub use adapters::{AdapterStatus, Bonded, adapters};
pub use address::BluetoothAddress;
pub use classes::ServiceClass;
pub use pairing::{Confirm, Paired, Question, be_paired, pair, unpair};
pub(crate) use place::SCHEME;
pub use scan::{Neighbour, scan};
