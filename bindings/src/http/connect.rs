//! Opens a connection to an HTTP peer: a proxy where there is one, and TLS.
#![expect(clippy::disallowed_methods, reason = "driver: limits of time")]

use super::auth::{Authenticator, offered};
use super::dial::Dialer;
use super::meter::{Metered, Stream};
use super::tls::{self, Tls};
use super::tunnel;
use super::url::{Host, Origin};

use crate::bearer::Traffic;
use crate::error::{Error, Phase};
use crate::http_fault::{HttpAuthFault, ProxyFault};
use crate::settings::Settings;

use omadm_syncml::PeerProof;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// An open connection and what it has proven.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    pub(super) proof: PeerProof,
    /// The other end is a proxy that wants to be told whole URLs.
    pub(super) absolute: bool,
}

/// Opens connections for one bearer.
pub(super) struct Connector {
    settings: Settings,
    dialer: Dialer,
    /// Loaded at the first use and dropped with the bearer: the certificate authorities of a
    /// machine take more memory than the rest of an idle device.
    tls: Option<Arc<Tls>>,
    proxy: Option<ProxyEnd>,
    traffic: Arc<Traffic>,
}

/// A proxy and what it is shown.
struct ProxyEnd {
    name: String,
    origin: Origin,
    credential: Option<Authenticator>,
}

impl Connector {
    pub(super) fn new(settings: Settings, traffic: Arc<Traffic>) -> Result<Self, Error> {
        let proxy = settings.proxy.as_ref().map(ProxyEnd::new).transpose()?;
        Ok(Self {
            dialer: Dialer::new(&settings),
            settings,
            tls: None,
            proxy,
            traffic,
        })
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
        let end = Instant::now() + limit;
        timeout(limit, self.unlimited(origin, end))
            .await
            .unwrap_or(Err(Error::Timeout {
                phase: Phase::Connect,
                limit,
            }))
    }

    async fn unlimited(&mut self, origin: &Origin, end: Instant) -> Result<Connected, Error> {
        let tls = if origin.secure {
            Some(self.tls().await?)
        } else {
            None
        };
        match (tls, self.proxy.is_some()) {
            (None, absolute) => {
                let to = self.proxy.as_ref().map_or(origin, |proxy| &proxy.origin);
                Ok(Connected {
                    stream: Box::new(self.dial(to, end).await?),
                    proof: PeerProof::None,
                    absolute,
                })
            }
            (Some(tls), false) => {
                let stream = self.dial(origin, end).await?;
                secure(origin, &tls, Box::new(stream)).await
            }
            (Some(tls), true) => {
                let stream = self.tunnel(origin, end).await?;
                secure(origin, &tls, stream).await
            }
        }
    }

    async fn dial(&self, origin: &Origin, end: Instant) -> Result<impl Stream + use<>, Error> {
        // The last of the time is for what comes after; by then, each address is spoken of.
        let end = end - self.settings.connect_timeout / 10;
        let mut dialed = self.dialer.connect(origin, end).await;
        // So that nobody looks for the fault at the server.
        if let (
            Err(Error::Connect { host, .. } | Error::Resolve { host, .. }),
            Some(ProxyEnd { name, .. }),
        ) = (&mut dialed, &self.proxy)
        {
            *host = format!("the proxy {name}");
        }
        let stream = dialed?;
        Ok(Metered::new(stream, Arc::clone(&self.traffic)))
    }

    /// A tunnel through the proxy, which may want credentials first.
    async fn tunnel(&mut self, origin: &Origin, end: Instant) -> Result<Box<dyn Stream>, Error> {
        let end = end - self.settings.connect_timeout / 20;
        let target = format!("{}:{}", origin.host, origin.port);
        if let Some(credential) = self.proxy_credential() {
            credential.begin();
        }
        loop {
            let answer = self.proxy_answer("CONNECT", &target)?;
            let Some(to) = self.proxy.as_ref().map(|proxy| proxy.origin.clone()) else {
                return Err(self.proxy_error(ProxyFault::Closed));
            };
            let stream = self.dial(&to, end).await?;
            let agent = &self.settings.user_agent;
            let opened = tunnel::open(stream, &target, agent, answer.as_deref());
            let left = end.saturating_duration_since(Instant::now());
            let opened = timeout(left, opened).await.map_err(|_| Error::Timeout {
                phase: Phase::Tunnel,
                limit: self.settings.connect_timeout,
            })?;
            match opened {
                Ok(tunnel::Opened::Stream(stream)) => return Ok(stream),
                Ok(tunnel::Opened::Challenge(fields)) => self.proxy_challenged(&fields)?,
                Err(fault) => return Err(self.proxy_error(fault)),
            }
        }
    }

    fn proxy_credential(&mut self) -> Option<&mut Authenticator> {
        self.proxy.as_mut()?.credential.as_mut()
    }

    /// A message begins that may go through the proxy.
    pub(super) fn begin(&mut self) {
        if let Some(credential) = self.proxy_credential() {
            credential.begin();
        }
    }

    /// The value of `Proxy-Authorization` for a request to the proxy.
    pub(super) fn proxy_answer(
        &mut self,
        method: &str,
        target: &str,
    ) -> Result<Option<String>, Error> {
        let Some(credential) = self.proxy_credential() else {
            return Ok(None);
        };
        let request = super::auth::Request { method, target };
        Ok(credential.answer(request, &super::task::random()?))
    }

    /// Takes the values of `Proxy-Authenticate`.
    pub(super) fn proxy_challenged(&mut self, fields: &[String]) -> Result<(), Error> {
        let fields = fields.iter().map(String::as_str);
        let taken = match self.proxy_credential() {
            None => Err(HttpAuthFault::NoCredential {
                offered: offered(fields),
            }),
            // There is no TLS to proxies: whoever gives the account a secret for one has it
            // shown to that one.
            Some(credential) => credential.challenged(fields, true),
        };
        taken.map_err(|fault| self.proxy_error(ProxyFault::Auth(fault)))
    }

    fn proxy_error(&self, fault: ProxyFault) -> Error {
        let proxy = self.proxy.as_ref().map(|proxy| proxy.name.clone());
        Error::Proxy {
            proxy: proxy.unwrap_or_default(),
            fault,
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

impl ProxyEnd {
    fn new(proxy: &crate::settings::Proxy) -> Result<Self, Error> {
        let credential = proxy.credential.as_ref();
        Ok(Self {
            name: proxy.to_string(),
            origin: Origin {
                secure: false,
                host: Host::of_name(&proxy.host)?,
                port: proxy.port,
            },
            credential: credential.map(|(user, secret)| Authenticator::new(user, secret, None)),
        })
    }
}

async fn secure(origin: &Origin, tls: &Tls, stream: Box<dyn Stream>) -> Result<Connected, Error> {
    let name = match &origin.host {
        Host::Ip(ip) => ServerName::from(*ip),
        Host::Scoped(ip, _) => ServerName::from(std::net::IpAddr::from(*ip)),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            Error::Address(crate::AddressError::new(format!(
                "{name:?} is no host name"
            )))
        })?,
    };
    let handshake = tls.handshake();
    let connector = TlsConnector::from(Arc::clone(&handshake.config));
    match connector.connect(name.clone(), stream).await {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            let proof = tls.proof(&handshake, session, &name);
            log::debug!("{origin}: {:?}, {proof}", session.protocol_version());
            Ok(Connected {
                stream: Box::new(stream),
                proof,
                absolute: false,
            })
        }
        Err(error) => Err(tls::error(&origin.to_string(), error)),
    }
}
