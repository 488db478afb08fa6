//! Asks a proxy for a tunnel (RFC 9110 9.3.6).

use super::answer;
use super::exchange::challenges;
use super::line::MAX_HEAD;
use super::meter::Stream;

use crate::http_fault::ProxyFault;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;

/// What a proxy answers.
pub(super) enum Opened {
    Stream(Box<dyn Stream>),
    /// It wants credentials: the values of `Proxy-Authenticate`.
    Challenge(Vec<String>),
}

/// Has the proxy at the other end of `stream` connect to `target`, a host and its port.
pub(super) async fn open(
    stream: impl Stream + 'static,
    target: &str,
    agent: &str,
    answer: Option<&str>,
) -> Result<Opened, ProxyFault> {
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| fault(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            log::debug!("proxy: {error}");
        }
    });
    let request = request(target, agent, answer)?;
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| fault(&error))?;
    let code = response.status().as_u16();
    match code {
        200..=299 => {
            let upgraded = hyper::upgrade::on(response).await;
            let upgraded = upgraded.map_err(|error| fault(&error))?;
            Ok(Opened::Stream(Box::new(Tunnel {
                inner: TokioIo::new(upgraded),
                _driver: driver,
            })))
        }
        // Each challenge is answered over a new connection: proxies seldom keep this one.
        407 => {
            let fields = response.headers();
            Ok(Opened::Challenge(challenges(
                fields,
                &header::PROXY_AUTHENTICATE,
            )))
        }
        code => Err(ProxyFault::Refused {
            target: target.to_owned(),
            code,
            retry_after: answer::retry_after(response.headers()),
        }),
    }
}

fn request(
    target: &str,
    agent: &str,
    answer: Option<&str>,
) -> Result<Request<Empty<Bytes>>, ProxyFault> {
    let refused = || ProxyFault::NotHttp(format!("{target:?} cannot stand in a request line"));
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| refused())?;
    let fields = [
        (header::HOST, Some(target)),
        (header::USER_AGENT, Some(agent)),
        (header::PROXY_AUTHORIZATION, answer),
    ];
    for (name, value) in fields {
        set(request.headers_mut(), name, value);
    }
    Ok(request)
}

fn set(fields: &mut header::HeaderMap, name: HeaderName, value: Option<&str>) {
    let value = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    if let Some(mut value) = value {
        value.set_sensitive(name == header::PROXY_AUTHORIZATION);
        fields.insert(name, value);
    }
}

fn fault(error: &hyper::Error) -> ProxyFault {
    if error.is_parse() {
        ProxyFault::NotHttp(error.to_string())
    } else {
        ProxyFault::Closed
    }
}

/// The way through a proxy, and what drives it.
struct Tunnel {
    inner: TokioIo<Upgraded>,
    _driver: JoinSet<()>,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
