//! The HTTP binding: an envelope out is a POST, its answer the message in.
//!
//! The device is always the client (SyncML HTTP binding): one connection, kept alive, one message
//! at a time.

mod answer;
mod auth;
mod connect;
mod cookies;
mod dial;
mod exchange;
mod identity;
mod line;
mod meter;
mod route;
mod task;
mod tls;
mod tunnel;
mod url;
mod verify;

use self::connect::Connector;
use self::line::Line;
use self::task::Task;
use self::url::Url;

pub use self::identity::check_client_certificate;
pub use self::tls::system_root_count;

use crate::address::{Address, AddressError};
use crate::bearer::{Bearer, Traffic};
use crate::error::Error;
use crate::settings::Settings;
use crate::{Kind, Opening, Scheme};

use std::sync::Arc;

/// `http`
pub(crate) const PLAIN: Scheme = Scheme {
    name: "http",
    kind: KIND,
};

/// `https`
pub(crate) const SECURE: Scheme = Scheme {
    name: "https",
    kind: KIND,
};

const KIND: Kind = Kind::Http { check, open: boxed };

fn check(text: &str) -> Result<(), AddressError> {
    Url::parse(text).map(drop)
}

fn boxed<'a>(address: &'a Address, settings: &'a Settings) -> Opening<'a> {
    Box::pin(open(address, settings))
}

async fn open(address: &Address, settings: &Settings) -> Result<Bearer, Error> {
    let home = Url::parse(address.as_str())?;
    let traffic = Arc::new(Traffic::default());
    let mut connector = Connector::new(settings.clone(), Arc::clone(&traffic))?;
    let (line, proof) = Line::open(&mut connector, home.origin()).await?;
    let (out, events) = Task::new(connector, home, line, proof).start();
    Ok(Bearer {
        out,
        events,
        proof,
        traffic,
    })
}
