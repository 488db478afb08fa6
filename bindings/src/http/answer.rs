//! What the head of an HTTP answer means to a session.

use crate::error::Error;
use crate::http_fault::RedirectFault;
use crate::settings::Settings;

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::response::Parts;
use omadm_syncml::MediaType;
use std::time::Duration;

/// Longer waits than a day are not a server's to ask for: a device must not sleep for ever.
const MAX_RETRY_AFTER: u64 = 86_400;

/// How much of what a peer says is repeated in an error.
const SHOWN: usize = 200;

/// What follows the head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A message of this type, or nothing.
    Message(MediaType),
    /// A message whose first byte tells its type, or nothing.
    Sniff,
    /// Nothing, or something that is no message.
    Strange,
    /// Nothing: the server has no more to say.
    End,
    /// The message belongs elsewhere.
    Redirect(Redirect),
    /// The HTTP server wants credentials.
    Challenge,
    /// The proxy in between does.
    ProxyChallenge,
}

/// Where a server points.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) code: u16,
    /// `Location`, as it came.
    pub(super) location: Option<String>,
}

impl Redirect {
    /// Whether the rest of the session goes there as well (RFC 9110 15.4).
    pub(super) fn is_permanent(&self) -> bool {
        matches!(self.code, 301 | 308)
    }

    /// The error of not following it.
    pub(super) fn refused(self, fault: RedirectFault) -> Error {
        Error::Redirect {
            code: self.code,
            location: self.location.map(|text| text.chars().take(SHOWN).collect()),
            fault,
        }
    }
}

/// Judges the head of an answer.
///
/// Over a connection to a proxy, a 407 is the proxy's; from a server it makes no sense.
pub(super) fn judge(head: &Parts, settings: &Settings, proxy: bool) -> Result<Verdict, Error> {
    let code = head.status.as_u16();
    match code {
        200 => judge_content(&head.headers, settings),
        204 => Ok(Verdict::End),
        301 | 302 | 303 | 307 | 308 => Ok(Verdict::Redirect(Redirect {
            code,
            location: whole_text(&head.headers, &header::LOCATION),
        })),
        401 => Ok(Verdict::Challenge),
        407 if proxy => Ok(Verdict::ProxyChallenge),
        _ => Err(Error::Status {
            code,
            retry_after: retry_after(&head.headers),
        }),
    }
}

fn judge_content(headers: &HeaderMap, settings: &Settings) -> Result<Verdict, Error> {
    match text(headers, &header::CONTENT_ENCODING) {
        Some(found) if !found.eq_ignore_ascii_case("identity") => {
            return Err(Error::ContentEncoding { found });
        }
        _ => {}
    }
    let found = text(headers, &header::CONTENT_TYPE);
    Ok(match found.as_deref().and_then(MediaType::recognise) {
        Some(media_type) => Verdict::Message(media_type),
        None if settings.sniff_media_type && is_generic(found.as_deref()) => Verdict::Sniff,
        None => Verdict::Strange,
    })
}

/// Whether a media type leaves open what the content is.
fn is_generic(found: Option<&str>) -> bool {
    let essence = found.map(|text| text.split(';').next().unwrap_or_default().trim());
    essence.is_none_or(|essence| {
        [
            "application/octet-stream",
            "application/xml",
            "text/plain",
            "text/xml",
        ]
        .iter()
        .any(|generic| essence.eq_ignore_ascii_case(generic))
    })
}

/// The error for an answer that is no message.
pub(super) fn wrong_type(headers: &HeaderMap) -> Error {
    Error::MediaType {
        found: text(headers, &header::CONTENT_TYPE),
    }
}

/// RFC 9110 10.2.3: seconds, or a date. A date is measured from the server's own `Date`, so that
/// the clock of the device need not be right.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?;
    let seconds = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().unwrap_or(MAX_RETRY_AFTER)
    } else {
        let until = httpdate::parse_http_date(&value).ok()?;
        let now = httpdate::parse_http_date(&text(headers, &header::DATE)?).ok()?;
        until.duration_since(now).map_or(0, |wait| wait.as_secs())
    };
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER)))
}

fn whole_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    whole_text(headers, name).map(|value| value.chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::error::Retry;
    use hyper::Response;

    fn judged(code: u16, fields: &[(&str, &str)], sniff: bool) -> Result<Verdict, Error> {
        let mut response = Response::builder().status(code);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let settings = Settings {
            sniff_media_type: sniff,
            ..Settings::default()
        };
        judge(&response.body(()).unwrap().into_parts().0, &settings, false)
    }

    #[test]
    fn a_message_is_known_by_its_type() {
        for (found, sniff, expected) in [
            (
                "application/vnd.syncml.dm+xml",
                false,
                Verdict::Message(MediaType::DmXml),
            ),
            (
                "Application/VND.syncml+wbxml;charset=x",
                false,
                Verdict::Message(MediaType::DmWbxml),
            ),
            ("application/octet-stream", false, Verdict::Strange),
            ("application/octet-stream", true, Verdict::Sniff),
            ("text/xml; charset=utf-8", true, Verdict::Sniff),
            ("text/html", true, Verdict::Strange),
        ] {
            let verdict = judged(200, &[("content-type", found)], sniff).unwrap();
            assert_eq!(verdict, expected, "{found}");
        }
        assert_eq!(judged(200, &[], false).unwrap(), Verdict::Strange);
        assert_eq!(judged(200, &[], true).unwrap(), Verdict::Sniff);
        assert_eq!(judged(204, &[], false).unwrap(), Verdict::End);
    }

    #[test]
    fn every_other_status_says_whether_to_try_again() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            let error = judged(code, &[], false).unwrap_err();
            assert_eq!(error.retry(), Retry::Later(None), "{code}");
        }
        for code in [
            101, 201, 206, 304, 400, 402, 403, 404, 405, 407, 410, 413, 415, 501, 505, 599,
        ] {
            let error = judged(code, &[], false).unwrap_err();
            assert_eq!(error.retry(), Retry::Permanent, "{code}");
        }
    }

    #[test]
    fn retry_after_is_bounded_and_needs_no_clock() {
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        for (value, fields, expected) in [
            ("120", vec![], Some(120)),
            ("0", vec![], Some(0)),
            ("99999999999999999999999", vec![], Some(86_400)),
            ("Wed, 21 Oct 2015 07:29:30 GMT", vec![date], Some(90)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", vec![date], Some(0)),
            ("Wed, 21 Oct 2099 07:27:00 GMT", vec![date], Some(86_400)),
            ("Wed, 21 Oct 2015 07:29:30 GMT", vec![], None),
            ("soon", vec![date], None),
            ("-1", vec![], None),
        ] {
            let mut fields = fields;
            fields.push(("retry-after", value));
            let error = judged(503, &fields, false).unwrap_err();
            let expected = expected.map(Duration::from_secs);
            assert_eq!(error.retry(), Retry::Later(expected), "{value}");
        }
    }

    #[test]
    fn a_redirect_names_its_target() {
        let location = "https://new.example/dm";
        for (code, permanent) in [(301, true), (302, false), (307, false), (308, true)] {
            let Ok(Verdict::Redirect(redirect)) = judged(code, &[("location", location)], false)
            else {
                panic!("{code} is a redirect");
            };
            assert_eq!(redirect.is_permanent(), permanent, "{code}");
            assert_eq!(redirect.location.as_deref(), Some(location));
        }
        let long = Redirect {
            code: 301,
            location: Some("x".repeat(5000)),
        };
        let error = long.refused(RedirectFault::TooMany(5));
        assert!(error.to_string().len() < 500);
        assert_eq!(error.retry(), Retry::Permanent);
    }

    #[test]
    fn a_compressed_answer_is_refused() {
        let fields = [
            ("content-type", "application/vnd.syncml.dm+xml"),
            ("content-encoding", "gzip"),
        ];
        let error = judged(200, &fields, false).unwrap_err();
        assert!(error.to_string().contains("gzip"), "{error}");
    }
}
