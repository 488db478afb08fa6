//! The cookies of one session.
//!
//! The HTTP binding knows none, but servers built on web frameworks tie a session to a cookie as
//! well as to `RespURI`. They live as long as the bearer and return only to the origin that set
//! them, so attributes that would widen or prolong their use (RFC 6265 5.2) mean nothing here.

use super::url::Origin;

use hyper::header::{HeaderMap, SET_COOKIE};

/// More than a session needs; further cookies are ignored.
const MAX_COOKIES: usize = 16;

/// The longest cookie that is kept, name and value.
const MAX_LENGTH: usize = 1024;

/// What servers asked to be shown again.
#[derive(Default)]
pub(super) struct Cookies {
    kept: Vec<Cookie>,
}

struct Cookie {
    origin: Origin,
    name: String,
    value: String,
}

impl Cookies {
    /// The value of the `Cookie` field for a request to this origin, if there is one.
    pub(super) fn field(&self, origin: &Origin) -> Option<String> {
        let own = self.kept.iter().filter(|cookie| cookie.origin == *origin);
        let pairs: Vec<_> = own
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Keeps the cookies of an answer from this origin.
    pub(super) fn keep(&mut self, origin: &Origin, answer: &HeaderMap) {
        for value in answer.get_all(SET_COOKIE).iter().take(MAX_COOKIES) {
            if let Ok(text) = value.to_str() {
                self.set(origin, text);
            }
        }
    }

    fn set(&mut self, origin: &Origin, text: &str) {
        let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
        let Some((name, value)) = pair.split_once('=') else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || pair.len() > MAX_LENGTH {
            return;
        }
        self.kept
            .retain(|cookie| cookie.origin != *origin || cookie.name != name);
        if !withdrawn(attributes) && self.kept.len() < MAX_COOKIES {
            self.kept.push(Cookie {
                origin: origin.clone(),
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
    }
}

/// Whether the attributes end the cookie at once.
fn withdrawn(attributes: &str) -> bool {
    attributes
        .split(';')
        .filter_map(|attribute| attribute.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .any(|(_, seconds)| seconds.trim() == "0" || seconds.trim().starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::super::url::Url;
    use super::*;

    use hyper::header::HeaderValue;

    fn origin(url: &str) -> Origin {
        Url::parse(url).unwrap().origin().clone()
    }

    fn keep(jar: &mut Cookies, origin: &Origin, values: &[&str]) {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(SET_COOKIE, HeaderValue::from_str(value).unwrap());
        }
        jar.keep(origin, &fields);
    }

    #[test]
    fn cookies_return_to_their_origin_alone() {
        let home = origin("https://dm.example/a");
        let mut jar = Cookies::default();
        assert_eq!(jar.field(&home), None);
        let set = [
            "JSESSIONID=A1%2f==; Path=/dm; Secure; HttpOnly",
            "b = \"2\" ",
            "c=",
            "junk",
            "=d",
        ];
        keep(&mut jar, &home, &set);
        let shown = Some("JSESSIONID=A1%2f==; b=\"2\"; c=".to_owned());
        assert_eq!(jar.field(&origin("https://dm.example/b")), shown);
        for other in [
            "https://dm.example:8443/",
            "http://dm.example:443/",
            "https://x.example/",
        ] {
            assert_eq!(jar.field(&origin(other)), None, "{other}");
        }
    }

    #[test]
    fn a_cookie_is_replaced_and_withdrawn() {
        let home = origin("https://dm.example/");
        let mut jar = Cookies::default();
        keep(&mut jar, &home, &["a=1", "b=1"]);
        keep(&mut jar, &home, &["a=2"]);
        assert_eq!(jar.field(&home).as_deref(), Some("b=1; a=2"));
        keep(
            &mut jar,
            &home,
            &["b=; Path=/; max-age=0", "a=3; Max-Age=60"],
        );
        assert_eq!(jar.field(&home).as_deref(), Some("a=3"));
    }

    #[test]
    fn a_flood_of_cookies_is_bounded() {
        let home = origin("https://dm.example/");
        let mut jar = Cookies::default();
        keep(&mut jar, &home, &[&format!("long={}", "x".repeat(1024))]);
        assert_eq!(jar.field(&home), None);
        for index in 0..100 {
            keep(&mut jar, &home, &[&format!("c{index}=1")]);
        }
        assert_eq!(jar.kept.len(), MAX_COOKIES);
    }
}
