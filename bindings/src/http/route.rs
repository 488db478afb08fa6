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
    /// What moved in this session, and where to. The account keeps its address.
    moved: Vec<(Url, Url)>,
}

/// More than any server moves in a session.
const MAX_MOVED: usize = 8;

impl Route {
    pub(super) fn new(home: Url) -> Self {
        Self {
            current: home.clone(),
            home,
            last: None,
            moved: Vec::new(),
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
        let next = self.settled(next);
        self.current = next.clone();
        Ok(next)
    }

    /// Takes a redirect of the message under way; a permanent one holds for the session.
    pub(super) fn redirect(&mut self, next: &Url, permanent: bool) {
        if permanent && self.moved.len() < MAX_MOVED {
            self.moved.push((self.current.clone(), next.clone()));
        }
        self.current = next.clone();
    }

    /// Where `url` is by now. Each move is taken once, so that a circle has an end.
    fn settled(&self, mut url: Url) -> Url {
        for (from, to) in &self.moved {
            if url == *from {
                url = to.clone();
            }
        }
        url
    }

    /// Where the last message went.
    pub(super) fn current(&self) -> &Url {
        &self.current
    }

    /// The address of the account.
    pub(super) fn home(&self) -> &Url {
        &self.home
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
    fn what_moved_stays_moved_for_the_session() {
        let mut route = Route::new(Url::parse("https://dm.example/a/dm").unwrap());
        let go = |route: &mut Route, to: &str, permanent| {
            let next = route.current().resolve(to).unwrap();
            route.redirect(&next, permanent);
        };
        assert_eq!(target(&mut route, None), "dm.example/a/dm");
        go(&mut route, "/b/dm", false);
        assert_eq!(
            target(&mut route, Some("s")),
            "dm.example/b/s",
            "relative to the last URL"
        );
        assert_eq!(
            target(&mut route, None),
            "dm.example/a/dm",
            "302 is for one message"
        );
        go(&mut route, "/c/dm", true);
        assert_eq!(target(&mut route, None), "dm.example/c/dm");
        go(&mut route, "/d/dm", true);
        assert_eq!(
            target(&mut route, None),
            "dm.example/d/dm",
            "two moves in a row"
        );
        go(&mut route, "/a/dm", true);
        // A circle ends somewhere on it.
        assert_eq!(target(&mut route, None), "dm.example/a/dm");
    }

    #[test]
    fn a_refused_resp_uri_leaves_the_route_as_it_was() {
        let mut route = Route::new(Url::parse("https://dm.example/dm").unwrap());
        let away = RespUri("http://dm.example/dm".to_owned());
        route.next(Some(&away)).unwrap_err();
        assert_eq!(target(&mut route, Some("?x")), "dm.example/dm?x");
    }
}
