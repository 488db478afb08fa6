//! Where the messages of one session go: the account's address, then what `RespURI` says.

use super::url::Url;

use crate::address::AddressError;
use omadm_syncml::RespUri;

/// The way of a session between the URLs of its server.
pub(super) struct Route {
    home: Url,
    /// Where the last message went.
    current: Url,
    /// The last `RespURI` and what it meant.
    last: Option<(RespUri, Url)>,
}

impl Route {
    pub(super) fn new(home: Url) -> Self {
        Self {
            current: home.clone(),
            home,
            last: None,
        }
    }

    /// Where the next message goes.
    ///
    /// A relative form is resolved against the URL whose answer carried it. The same text again
    /// means the same place again: either the server repeats itself in each message, or the
    /// session keeps to the last `RespURI` that it saw. Resolving `dm/s` once more would make
    /// `dm/dm/s` of it.
    pub(super) fn next(&mut self, to: Option<&RespUri>) -> Result<Url, AddressError> {
        let next = match (to, &self.last) {
            (None, _) => self.home.clone(),
            (Some(uri), Some((last, url))) if uri == last => url.clone(),
            (Some(uri), _) => {
                let url = self.current.resolve(&uri.0)?;
                self.last = Some((uri.clone(), url.clone()));
                url
            }
        };
        self.current = next.clone();
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(route: &mut Route, to: Option<&str>) -> String {
        let to = to.map(|text| RespUri(text.to_owned()));
        let url = route.next(to.as_ref()).unwrap();
        format!("{}{}", url.origin(), url.target())
    }

    #[test]
    fn a_session_follows_resp_uri_and_returns_home_without_one() {
        let mut route = Route::new(Url::parse("https://dm.example/a/dm").unwrap());
        for (to, expected) in [
            (None, "dm.example/a/dm"),
            (Some("s/1"), "dm.example/a/s/1"),
            (Some("s/1"), "dm.example/a/s/1"),
            (Some("2?t=x"), "dm.example/a/s/2?t=x"),
            (Some("https://n7.example/z"), "n7.example/z"),
            (Some("?t=y"), "n7.example/z?t=y"),
            (None, "dm.example/a/dm"),
        ] {
            assert_eq!(target(&mut route, to), expected);
        }
    }

    #[test]
    fn a_refused_resp_uri_leaves_the_route_as_it_was() {
        let mut route = Route::new(Url::parse("https://dm.example/dm").unwrap());
        let away = RespUri("http://dm.example/dm".to_owned());
        route.next(Some(&away)).unwrap_err();
        assert_eq!(target(&mut route, Some("?x")), "dm.example/dm?x");
    }
}
