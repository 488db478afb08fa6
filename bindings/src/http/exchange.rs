//! One message there and its answer back.
#![expect(clippy::disallowed_methods, reason = "driver: limits of time")]

use super::answer::{self, Redirect, Verdict};
use super::cookies::Cookies;
use super::line::Line;
use super::tls;
use super::url::Url;

use crate::error::{Error, Phase};
use crate::settings::Settings;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use omadm_syncml::auth::{HMAC_HEADER, HmacHeader};
use omadm_syncml::{Envelope, MediaType};
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// The digest that goes beside a message.
const HMAC: HeaderName = HeaderName::from_static(HMAC_HEADER);

/// The longest page of an answer without a message that is read.
const MAX_PAGE: usize = 64 * 1024;

/// An answer: a message, or `None` when the peer has no more to say.
pub(super) type Answer = Option<Envelope>;

/// What became of a message.
pub(super) enum Reply {
    Answer(Answer),
    /// It belongs elsewhere.
    Redirect(Redirect),
    /// The HTTP server wants credentials: the values of `WWW-Authenticate`.
    Challenge(Vec<String>),
    /// The proxy does: the values of `Proxy-Authenticate`.
    ProxyChallenge(Vec<String>),
}

/// A message and what a session adds to it.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) url: &'a Url,
    /// What stands in the request line.
    pub(super) target: &'a str,
    /// The value of `Authorization`.
    pub(super) authorization: Option<&'a str>,
    /// The value of `Proxy-Authorization`.
    pub(super) proxy_authorization: Option<&'a str>,
}

/// Sends a message over `line` and waits for its whole answer.
pub(super) async fn exchange(
    line: &mut Line,
    message: Message<'_>,
    settings: &Settings,
    cookies: &mut Cookies,
) -> Result<Reply, Error> {
    let url = message.url;
    let mut request = request(message, settings)?;
    if let Some(shown) = cookies.field(url.origin()) {
        put(request.headers_mut(), header::COOKIE, &shown);
    }
    let heard = line.heard();
    let sent = line.send(request);
    let response = within(Phase::Response, settings.response_timeout, async {
        sent.await.map_err(Failed::Http)
    })
    .await;
    match response {
        Ok(response) => {
            cookies.keep(url.origin(), response.headers());
            receive(line, response, settings).await
        }
        Err(Failed::Http(error)) => Err(transport_error(url, &error, line.heard() > heard)),
        Err(Failed::Bearer(error)) => Err(error),
    }
}

/// A failure before it is known whether an answer had begun.
enum Failed {
    Http(hyper::Error),
    Bearer(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Bearer(error)
    }
}

pub(super) async fn within<T, E: From<Error>>(
    phase: Phase,
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(Error::Timeout { phase, limit }.into()))
}

fn request(message: Message<'_>, settings: &Settings) -> Result<Request<Full<Bytes>>, Error> {
    let Message { envelope, url, .. } = message;
    let refused = |_| {
        Error::Address(crate::AddressError::new(
            "it cannot stand in a request line",
        ))
    };
    let target: Uri = message.target.parse().map_err(refused)?;
    let mut request = Request::new(Full::new(envelope.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target;
    let other = match envelope.media_type {
        MediaType::DmXml => MediaType::DmWbxml,
        MediaType::DmWbxml => MediaType::DmXml,
    };
    let fields = request.headers_mut();
    put(fields, header::HOST, &url.origin().to_string());
    put(fields, header::USER_AGENT, &settings.user_agent);
    put(fields, header::CONTENT_TYPE, envelope.media_type.as_str());
    put(
        fields,
        header::CONTENT_LENGTH,
        &envelope.body.len().to_string(),
    );
    put(
        fields,
        header::ACCEPT,
        &format!("{}, {other}", envelope.media_type),
    );
    put(fields, header::CACHE_CONTROL, "no-store");
    secret(fields, header::AUTHORIZATION, message.authorization);
    secret(
        fields,
        header::PROXY_AUTHORIZATION,
        message.proxy_authorization,
    );
    if let Some(hmac) = &envelope.hmac {
        // A name may have any characters, so this is not filtered.
        let value = HeaderValue::from_bytes(hmac.to_string().as_bytes());
        fields.extend(value.ok().map(|value| (HMAC, value)));
    }
    Ok(request)
}

/// Sets a field that traces must not show; a name in it may have any characters.
fn secret(fields: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    let value = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        fields.insert(name, value);
    }
}

/// Sets a field; what no field can carry is left out of its value.
fn put(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    let value: String = value
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .collect();
    if let Ok(value) = HeaderValue::from_str(&value) {
        fields.insert(name, value);
    }
}

async fn receive(
    line: &mut Line,
    response: Response<Incoming>,
    settings: &Settings,
) -> Result<Reply, Error> {
    let (head, body) = response.into_parts();
    let verdict = answer::judge(&head, settings, line.ends_at_proxy())?;
    match verdict {
        Verdict::End => return Ok(Reply::Answer(None)),
        Verdict::Redirect(redirect) => {
            skip(line, body).await;
            return Ok(Reply::Redirect(redirect));
        }
        Verdict::Challenge => {
            skip(line, body).await;
            let fields = challenges(&head.headers, &header::WWW_AUTHENTICATE);
            return Ok(Reply::Challenge(fields));
        }
        Verdict::ProxyChallenge => {
            skip(line, body).await;
            let fields = challenges(&head.headers, &header::PROXY_AUTHENTICATE);
            return Ok(Reply::ProxyChallenge(fields));
        }
        _ => {}
    }
    let strange = verdict == Verdict::Strange;
    let body = match read(body, settings.max_message, strange).await? {
        Content::Empty => return Ok(Reply::Answer(None)),
        Content::Unread => return Err(answer::wrong_type(&head.headers)),
        Content::Whole(body) => body,
    };
    let media_type = match verdict {
        Verdict::Message(media_type) => Some(media_type),
        _ => omadm_syncml::sniff(&body),
    };
    let fields = head.headers.get_all(HMAC).iter();
    match media_type {
        Some(media_type) => Ok(Reply::Answer(Some(Envelope {
            to: None,
            media_type,
            body,
            hmac: HmacHeader::of_fields(fields.map(HeaderValue::as_bytes)),
        }))),
        None => Err(answer::wrong_type(&head.headers)),
    }
}

/// The values of a field, as far as they are text.
pub(super) fn challenges(fields: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = fields.get_all(name).iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

/// Reads past the page that comes with an answer that is none, so that the connection can be
/// used again; one that is long is not worth it.
async fn skip(line: &mut Line, body: Incoming) {
    if !matches!(
        read(body, MAX_PAGE, false).await,
        Ok(Content::Empty | Content::Whole(_))
    ) {
        line.give_up();
    }
}

enum Content {
    Empty,
    /// There is content, but it is not wanted.
    Unread,
    Whole(Bytes),
}

async fn read(mut body: Incoming, limit: usize, unwanted: bool) -> Result<Content, Error> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::TooLarge { limit });
    }
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or_default();
    let mut whole = BytesMut::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        // Trailers are of no use here.
        let Ok(data) = frame.map_err(|error| body_error(&error))?.into_data() else {
            continue;
        };
        if unwanted && !data.is_empty() {
            return Ok(Content::Unread);
        }
        if whole.len() + data.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() {
        Content::Empty
    } else {
        Content::Whole(whole.freeze())
    })
}

/// Why there is no head of an answer.
fn transport_error(url: &Url, error: &hyper::Error, begun: bool) -> Error {
    if let Some(fault) = cause::<rustls::Error>(error).map(tls::fault) {
        return Error::Tls {
            host: url.origin().to_string(),
            fault,
        };
    }
    if error.is_parse() {
        return Error::NotHttp {
            reason: error.to_string(),
        };
    }
    match cause::<io::Error>(error) {
        Some(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Error::Transport(io::Error::new(source.kind(), source.to_string()))
        }
        _ if begun => Error::Truncated,
        _ => Error::NoAnswer,
    }
}

/// Why the content of an answer did not come whole.
fn body_error(error: &hyper::Error) -> Error {
    match cause::<io::Error>(error) {
        Some(source) => match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::Truncated,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Error::NotHttp {
                reason: source.to_string(),
            },
            kind => Error::Transport(io::Error::new(kind, source.to_string())),
        },
        None => Error::Truncated,
    }
}

/// The first error of this type among the causes of `error`, and in what an IO error wraps.
fn cause<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| wrapped.downcast_ref::<E>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
