//! Opens a connection to an HTTP peer: name, address, TLS.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets and their limits of time"
)]

use super::meter::{Metered, Stream};
use super::tls::{self, Tls};
use super::url::{Host, Origin};

use crate::bearer::Traffic;
use crate::error::{Error, Phase};
use crate::settings::Settings;

use omadm_syncml::PeerProof;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// A name with more addresses than this is not tried further.
const MAX_ADDRESSES: usize = 8;

/// An open connection and what it has proven.
pub(super) type Connected = (Box<dyn Stream>, PeerProof);

/// Opens connections for one bearer.
pub(super) struct Connector {
    settings: Settings,
    /// Loaded at the first use and dropped with the bearer: the certificate authorities of a
    /// machine take more memory than the rest of an idle device.
    tls: Option<Arc<Tls>>,
    traffic: Arc<Traffic>,
}

impl Connector {
    pub(super) fn new(settings: Settings, traffic: Arc<Traffic>) -> Self {
        Self {
            settings,
            tls: None,
            traffic,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects, and proves the peer where the origin asks for it.
    pub(super) async fn connect(&mut self, origin: &Origin) -> Result<Connected, Error> {
        if !origin.secure && !self.settings.allow_http {
            return Err(Error::PlainHttp);
        }
        let limit = self.settings.connect_timeout;
        timeout(limit, self.unlimited(origin, limit))
            .await
            .unwrap_or(Err(Error::Timeout {
                phase: Phase::Connect,
                limit,
            }))
    }

    async fn unlimited(&mut self, origin: &Origin, limit: Duration) -> Result<Connected, Error> {
        let tls = if origin.secure {
            Some(self.tls().await?)
        } else {
            None
        };
        let tcp = tcp(origin, limit).await?;
        tcp.set_nodelay(true).map_err(Error::Transport)?;
        let metered = Metered::new(tcp, Arc::clone(&self.traffic));
        match tls {
            None => Ok((Box::new(metered), PeerProof::None)),
            Some(tls) => secure(origin, &tls, metered).await,
        }
    }

    async fn tls(&mut self) -> Result<Arc<Tls>, Error> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        // Hundreds of files may have to be read.
        let settings = self.settings.clone();
        let tls = tokio::task::spawn_blocking(move || Tls::new(&settings))
            .await
            .map_err(|error| Error::Transport(io::Error::other(error)))??;
        let tls = Arc::new(tls);
        self.tls = Some(Arc::clone(&tls));
        Ok(tls)
    }
}

/// Tries the host's addresses in the resolver's order (RFC 6724). Each gets its share of the
/// remaining time, so that one that swallows packets does not use up all of it.
async fn tcp(origin: &Origin, limit: Duration) -> Result<TcpStream, Error> {
    let addresses = resolve(origin).await?;
    let end = Instant::now() + limit;
    let mut attempts = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => attempts.push((*address, error)),
            Err(_) => attempts.push((*address, io::ErrorKind::TimedOut.into())),
        }
    }
    Err(Error::Connect {
        host: origin.to_string(),
        attempts,
    })
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, Error> {
    let name = match &origin.host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, origin.port)]),
        Host::Name(name) => name,
    };
    let failed = |source| Error::Resolve {
        host: name.clone(),
        source,
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in lookup_host((name.as_str(), origin.port))
        .await
        .map_err(failed)?
    {
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

async fn secure(origin: &Origin, tls: &Tls, tcp: Metered<TcpStream>) -> Result<Connected, Error> {
    let name = match &origin.host {
        Host::Ip(ip) => ServerName::from(*ip),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            Error::Address(crate::AddressError::new(format!(
                "{name:?} is no host name"
            )))
        })?,
    };
    let handshake = tls.handshake();
    let connector = TlsConnector::from(Arc::clone(&handshake.config));
    match connector.connect(name.clone(), tcp).await {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            let proof = tls.proof(&handshake, session, &name);
            log::debug!("{origin}: {:?}, {proof}", session.protocol_version());
            Ok((Box::new(stream), proof))
        }
        Err(error) => Err(tls::error(&origin.to_string(), error)),
    }
}
