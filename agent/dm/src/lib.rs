//! The OMA DM management tree and session engine: no IO, no clock, no randomness.
#![forbid(unsafe_code)]

pub mod account;
pub mod acl;
pub mod ddf;
#[cfg(test)]
mod fixture;
pub mod mo;
pub mod node;
pub mod operation;
pub mod overlay;
pub mod property;
mod schema;
pub mod session;
pub mod snapshot;
pub mod tree;
pub mod view;

pub use account::{Account, Credential};
pub use acl::{Acl, Right};
pub use ddf::{AccessType, Ddf};
pub use mo::{Change, Effect, Exec, ExecCall, ManagementObject};
pub use node::{Node, NodeWrite};
pub use operation::{Authority, Content, Edit};
pub use overlay::{Overlay, Savepoint};
pub use schema::SchemaError;
pub use session::Session;
pub use snapshot::{LiveNode, Snapshot};
pub use tree::{Quarantined, Tree, TreeLimits};
pub use view::{NodeRef, View};
