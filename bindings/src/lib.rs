//! A bearer carries one opaque envelope there and one back.
//!
//! ```no_run
//! # async fn session(first: omadm_syncml::Envelope) -> Result<(), Box<dyn std::error::Error>> {
//! use omadm_bindings::{Address, BearerEvent, Settings, open};
//!
//! let address: Address = "https://dm.example.net/dm".parse()?;
//! let mut bearer = open(&address, &Settings::default()).await?;
//! bearer.out.send(first).await?;
//! while let Some(event) = bearer.events.recv().await {
//!     match event {
//!         BearerEvent::Message(message) => println!("{} bytes", message.body.len()),
//!         BearerEvent::Closed(end) => end?,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "obex")]
mod arrival;
mod bearer;
#[cfg(feature = "bluetooth")]
pub mod bluetooth;
mod error;
#[cfg(feature = "http")]
mod http;
mod http_fault;
#[cfg(feature = "obex")]
mod listen;
#[cfg(feature = "obex")]
pub mod obex;
#[cfg(feature = "obex")]
mod obex_fault;
mod peer;
#[cfg(feature = "http")]
mod pem;
mod pin;
#[cfg(feature = "serial")]
pub mod serial;
mod settings;
#[cfg(feature = "obex")]
mod tcp;
mod tls_fault;
mod trust;
#[cfg(feature = "obex")]
mod unix;
#[cfg(feature = "usb")]
pub mod usb;

pub use address::{Address, AddressError};
#[cfg(feature = "obex")]
pub use arrival::{
    Arrival, Bootstrap, Identity, LineState, ListenSettings, Listening, OpenGadget,
    Opening as SessionOpening,
};
pub use bearer::{Bearer, BearerEvent, Traffic};
pub use error::{Error, Phase, Retry};
#[cfg(feature = "http")]
pub use http::{check_client_certificate, system_root_count};
pub use http_fault::{HttpAuthFault, ProxyFault, RedirectFault};
#[cfg(feature = "obex")]
pub use listen::{listen, listen_at, listen_for_devices};
#[cfg(feature = "obex")]
pub use obex_fault::ObexFault;
pub use peer::PeerAddress;
#[cfg(feature = "http")]
pub use pem::load_certificates;
pub use pin::{PinError, SpkiPin};
pub use settings::{
    ClientCertificate, HttpAuthScheme, HttpCredential, Proxy, SettingError, Settings,
};
pub use tls_fault::TlsFault;
pub use trust::TrustError;

use std::pin::Pin;

/// A bearer on its way to being open.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Bearer, Error>> + Send + 'a>>;

/// How one scheme of addresses is checked and opened.
pub struct Scheme {
    /// What stands before the first `:` of an address, in lower case.
    pub name: &'static str,
    kind: Kind,
}

/// What the two kinds of bearers have to know how to do.
enum Kind {
    /// The device is always the client.
    #[cfg(feature = "http")]
    Http {
        check: fn(&str) -> Result<(), AddressError>,
        open: for<'a> fn(&'a Address, &'a Settings) -> Opening<'a>,
    },
    /// OBEX runs on it.
    #[cfg(feature = "obex")]
    Line(fn(&str) -> Result<Box<dyn obex::Place>, AddressError>),
}

impl Scheme {
    /// A scheme of lines: how an address is read.
    #[cfg(feature = "obex")]
    const fn line(
        name: &'static str,
        read: fn(&str) -> Result<Box<dyn obex::Place>, AddressError>,
    ) -> Self {
        Self {
            name,
            kind: Kind::Line(read),
        }
    }

    /// Says whether an address of this scheme is well formed.
    fn check(&self, text: &str) -> Result<(), AddressError> {
        match self.kind {
            #[cfg(feature = "http")]
            Kind::Http { check, .. } => check(text),
            #[cfg(feature = "obex")]
            Kind::Line(read) => read(text).map(drop),
        }
    }

    /// Opens a bearer to an address of this scheme.
    fn open<'a>(&self, address: &'a Address, settings: &'a Settings) -> Opening<'a> {
        match self.kind {
            #[cfg(feature = "http")]
            Kind::Http { open, .. } => open(address, settings),
            #[cfg(feature = "obex")]
            Kind::Line(_) => obex::open(address, settings),
        }
    }
}

/// Every scheme that this build can open.
pub const SCHEMES: &[Scheme] = &[
    #[cfg(feature = "http")]
    http::PLAIN,
    #[cfg(feature = "http")]
    http::SECURE,
    #[cfg(feature = "obex")]
    tcp::SCHEME,
    #[cfg(feature = "obex")]
    unix::SCHEME,
    #[cfg(feature = "serial")]
    serial::SCHEME,
    #[cfg(feature = "bluetooth")]
    bluetooth::SCHEME,
    #[cfg(feature = "usb")]
    usb::SCHEME,
    #[cfg(feature = "usb")]
    usb::GADGET,
];

/// Opens a bearer: when it returns, the line stands and [`Bearer::proof`] is known.
///
/// Must be called in a tokio runtime with IO and time enabled; `current_thread` is enough.
pub async fn open(address: &Address, settings: &Settings) -> Result<Bearer, Error> {
    let scheme = SCHEMES.iter().find(|known| known.name == address.scheme());
    match scheme {
        Some(scheme) => scheme.open(address, settings).await,
        None => Err(AddressError::scheme(address.scheme()).into()),
    }
}

/// Where a line is.
#[cfg(feature = "obex")]
fn place(address: &Address) -> Result<Box<dyn obex::Place>, AddressError> {
    let scheme = SCHEMES.iter().find(|known| known.name == address.scheme());
    match scheme.map(|scheme| &scheme.kind) {
        Some(Kind::Line(read)) => read(address.as_str()),
        _ => Err(AddressError::new(format!(
            "no OBEX runs over {}",
            address.scheme()
        ))),
    }
}
