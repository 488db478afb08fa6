//! The SyncML vocabulary and what travels: messages, credentials, envelopes.
//!
//! Nothing here acts: no input or output, no clock, no randomness.
#![forbid(unsafe_code)]

pub mod alert;
pub mod auth;
mod codec;
mod codepage;
mod decode;
pub mod dump;
pub mod element;
mod encode;
pub mod envelope;
pub mod error;
mod event;
pub mod format;
pub mod limits;
pub mod mask;
pub mod message;
pub mod notification;
mod progress;
pub mod proof;
pub mod status;
pub mod time;
pub mod uri;
pub mod value;
mod wbxml;
mod writer;
mod xml;

pub use alert::{AlertCode, AlertId, GenericAlert, Mark};
pub use auth::{AuthScheme, HmacHeader, NonceForm, Secret};
pub use codec::{decode, decode_element, encode, encode_element, encoded_len, markup, sniff};
pub use dump::dump;
pub use element::{Attribute, Element, ElementName, Namespace, Node};
pub use envelope::{Envelope, MediaType, RespUri};
pub use error::{DecodeError, EncodeError, Excerpt, Reason};
pub use format::Format;
pub use limits::Limits;
pub use mask::{mask, trace};
pub use message::{
    Alert, Command, Container, Cred, Data, Header, Item, Location, Message, Meta, Request, Results,
    Status,
};
pub use notification::{Initiator, NonceUsed, Notification, NotificationError, Package0, UiMode};
pub use proof::{AcceptedProof, PeerProof, ServerTrust};
pub use status::StatusCode;
pub use time::{Now, Wall};
pub use uri::{Address, List, Property, Query, Uri, UriError, UriLimits};
pub use value::{BlobEncoding, BlobId, Value};
