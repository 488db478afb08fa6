//! One POST and its answer (OMA-TS-SyncML-HTTPBinding).

use super::within;
use crate::server::{Answer, Fault};
use crate::worker::{Busy, Work, Worker};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName,
    HeaderValue, RETRY_AFTER,
};
use hyper::{Method, Request, Response, StatusCode, Uri};
use log::{debug, error, info};
use omadm_syncml::MediaType;
use omadm_syncml::auth::{HMAC_HEADER, HmacHeader};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The digest that goes beside a message.
const HMAC: HeaderName = HeaderName::from_static(HMAC_HEADER);

/// How long the body of a request may take.
const BODY: Duration = Duration::from_mins(1);

/// Where the server is and how it answers.
pub(super) struct Site {
    pub(super) path: String,
    pub(super) scheme: &'static str,
    pub(super) local: SocketAddr,
    pub(super) public_url: Option<String>,
    pub(super) max_message: usize,
    pub(super) worker: Worker,
}

impl Site {
    /// The server's address as whoever used this `Host` knows it.
    pub(super) fn address(&self, host: Option<&str>) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let host = host.filter(|host| is_host(host));
        let local = self.local.to_string();
        format!("{}://{}{}", self.scheme, host.unwrap_or(&local), self.path)
    }
}

/// What a `Host` may consist of; it goes into an address that is sent.
fn is_host(host: &str) -> bool {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 255 && host.chars().all(allowed)
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) peer: SocketAddr,
    /// Whether there is a place for it.
    pub(super) is_served: bool,
}

/// Answers a request, whatever it is.
pub(super) async fn answer(
    request: Request<Incoming>,
    caller: Caller,
    site: Arc<Site>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Caller { peer, is_served } = caller;
    let answered = match take(request, &site).await {
        // The message was read: an answer that comes before it is whole may get lost.
        _ if !is_served => {
            let text = "the server has as many connections as it takes";
            Err(busy(text, "5").with(CONNECTION, "close"))
        }
        Ok(work) => deliver(work, peer, &site).await,
        Err(refusal) => Err(refusal),
    };
    Ok(answered.unwrap_or_else(|refusal| {
        debug!("{peer}: {} {}", refusal.status.as_u16(), refusal.text);
        refusal.into_response()
    }))
}

/// Why a request is not answered with a message.
struct Refusal {
    status: StatusCode,
    text: String,
    headers: Vec<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.text + "\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Reads a request as far as it is one.
async fn take(request: Request<Incoming>, site: &Site) -> Result<Work, Refusal> {
    let path = request.uri().path();
    if path != site.path {
        let text = "there is nothing at this address";
        return Err(Refusal::new(StatusCode::NOT_FOUND, text));
    }
    if request.method() != Method::POST {
        let text = "SyncML messages are sent by POST";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text).with(ALLOW, "POST"));
    }
    let media_type = media_type(&request)?;
    let fields = request.headers().get_all(HMAC).iter();
    let hmac = HmacHeader::of_fields(fields.map(HeaderValue::as_bytes));
    let token = token(request.uri());
    let host = request.headers().get(HOST);
    let address = site.address(host.and_then(|host| host.to_str().ok()));
    let body = body(request, site.max_message).await?;
    Ok(Work {
        media_type,
        body,
        hmac,
        token,
        address,
        device: None,
    })
}

fn media_type(request: &Request<Incoming>) -> Result<MediaType, Refusal> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    let unsupported = |text: &str| {
        let both = "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml";
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).with(ACCEPT, both)
    };
    let coding = header(CONTENT_ENCODING).unwrap_or("identity");
    if !coding.eq_ignore_ascii_case("identity") {
        return Err(unsupported("the body must not be compressed"));
    }
    let name = header(CONTENT_TYPE).unwrap_or_default();
    MediaType::recognise(name).ok_or_else(|| unsupported("this media type is not SyncML"))
}

async fn body(request: Request<Incoming>, limit: usize) -> Result<Bytes, Refusal> {
    let too_long = || {
        let text = format!("the message is longer than {limit} bytes");
        // The rest of the body is not read, so nothing can follow on this connection.
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text).with(CONNECTION, "close")
    };
    let body = request.into_body();
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long());
    }
    match within(BODY, Limited::new(body, limit).collect()).await {
        Some(Ok(body)) => Ok(body.to_bytes()),
        Some(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Some(Err(error)) => {
            let text = format!("the body did not arrive: {error}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, text))
        }
        None => {
            let text = "the body took too long";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, text).with(CONNECTION, "close"))
        }
    }
}

/// To be asked again `after` so many seconds.
fn busy(text: &str, after: &'static str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).with(RETRY_AFTER, after)
}

async fn deliver(
    work: Work,
    peer: SocketAddr,
    site: &Site,
) -> Result<Response<Full<Bytes>>, Refusal> {
    match site.worker.answer(work).await {
        Ok(Ok(answer)) => Ok(success(peer, answer)),
        Ok(Err(fault @ (Fault::Unreadable(_) | Fault::OtherDevice(_)))) => {
            let why = fault.to_string();
            info!("{peer}: a message cannot be read: {why}");
            Err(Refusal::new(StatusCode::BAD_REQUEST, why))
        }
        Ok(Err(Fault::Store(fault))) => {
            error!("{fault}");
            Err(busy("the server cannot keep what it does", "30"))
        }
        Err(Busy::Full) => Err(busy("the server is busy", "1")),
        Err(Busy::Gone) => Err(busy("the server is stopping", "30")),
    }
}

fn success(peer: SocketAddr, answer: Answer) -> Response<Full<Bytes>> {
    if let Some(session) = answer.session {
        info!("{peer}: session {session}: {}", answer.summary);
    }
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static(answer.media_type.as_str());
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let hmac = answer.hmac.map(|hmac| hmac.to_string());
    let value = hmac.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
    headers.extend(value.map(|value| (HMAC, value)));
    response
}

/// The token of a `RespURI`.
fn token(uri: &Uri) -> Option<String> {
    let mut pairs = uri.query()?.split('&');
    let token = pairs.find_map(|pair| pair.strip_prefix("s="))?;
    (token.len() <= 64).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_the_query() {
        for (uri, expected) in [
            ("/dm", None),
            ("/dm?s=abc", Some("abc")),
            ("/dm?mode=Machine&s=abc&x=1", Some("abc")),
            ("/dm?ss=abc", None),
        ] {
            assert_eq!(token(&uri.parse().unwrap()).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn only_a_sound_host_is_sent_back() {
        for host in ["example.org:8080", "[::1]:80", "10.0.0.1"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a b", "a/b", "x\"y", "é.org", "user@host"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
