//! Header sets: one that can only be built as the specification allows it, and one of whatever a
//! peer sent (OBEX 1.5, 2.2 and 3.3.1).

use super::header::{HeaderError, HeaderId, HeaderReader, HeaderValue};

use bytes::{BufMut, Bytes, BytesMut};
use std::collections::VecDeque;

/// Names an OBEX connection. `0xFFFFFFFF` names none (OBEX 1.5, 2.2.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// `None` for the two values that name nothing.
    pub const fn new(id: u32) -> Option<Self> {
        match id {
            0 | u32::MAX => None,
            id => Some(Self(id)),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A header that describes an object or a connection: none that leads a packet, and no part of
/// an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description {
    /// Type: a media type, without its NUL.
    Type(String),
    /// Length of the object, in octets.
    Length(u32),
    /// HTTP header fields, each with its CRLF.
    Http(Bytes),
    /// The service that answers.
    Who(Bytes),
    /// An authentication challenge.
    Challenge(Bytes),
    /// An authentication response.
    Response(Bytes),
}

impl Description {
    const fn id(&self) -> HeaderId {
        match self {
            Self::Type(_) => HeaderId::TYPE,
            Self::Length(_) => HeaderId::LENGTH,
            Self::Http(_) => HeaderId::HTTP,
            Self::Who(_) => HeaderId::WHO,
            Self::Challenge(_) => HeaderId::CHALLENGE,
            Self::Response(_) => HeaderId::RESPONSE,
        }
    }

    /// Octets on the wire.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Type(text) => 3 + text.len() + 1,
            Self::Length(_) => 5,
            Self::Http(octets)
            | Self::Who(octets)
            | Self::Challenge(octets)
            | Self::Response(octets) => 3 + octets.len(),
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Length(length) => {
                out.put_u8(self.id().0);
                out.put_u32(*length);
            }
            Self::Type(text) => {
                put_head(out, self.id(), text.len() + 1);
                out.put_slice(text.as_bytes());
                out.put_u8(0);
            }
            Self::Http(octets)
            | Self::Who(octets)
            | Self::Challenge(octets)
            | Self::Response(octets) => {
                put_head(out, self.id(), octets.len());
                out.put_slice(octets);
            }
        }
    }
}

/// The head of a header of `length` octets. One that is too long makes its packet too long, which
/// is noticed before it is sent.
fn put_head(out: &mut BytesMut, id: HeaderId, length: usize) {
    out.put_u8(id.0);
    out.put_u16(u16::try_from(length + 3).unwrap_or(u16::MAX));
}

/// What leads a packet: at most one of the two (OBEX 1.5, 2.2.7 and 2.2.11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Leader {
    #[default]
    None,
    Connection(ConnectionId),
    Target(Bytes),
}

/// The headers of a packet that is to be sent, in the one order that is allowed: what leads, what
/// describes, and the object's part last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    leader: Leader,
    descriptions: Vec<Description>,
    body: Option<(Bytes, bool)>,
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of a connection.
    pub fn of(connection: Option<ConnectionId>) -> Self {
        let leader = connection.map_or(Leader::None, Leader::Connection);
        Self {
            leader,
            ..Self::default()
        }
    }

    /// Those of a `CONNECT` to a service.
    pub fn for_target(target: Bytes) -> Self {
        Self {
            leader: Leader::Target(target),
            ..Self::default()
        }
    }

    /// Adds a description, in place of one of its kind.
    #[must_use]
    pub fn with(mut self, description: Description) -> Self {
        self.descriptions.retain(|own| own.id() != description.id());
        self.descriptions.push(description);
        self
    }

    /// Adds a description if there is one.
    #[must_use]
    pub fn with_some(self, description: Option<Description>) -> Self {
        match description {
            Some(description) => self.with(description),
            None => self,
        }
    }

    /// Adds a part of the object, the last one if `last`.
    #[must_use]
    pub fn with_body(mut self, part: Bytes, last: bool) -> Self {
        self.body = Some((part, last));
        self
    }

    /// Octets on the wire.
    pub fn encoded_len(&self) -> usize {
        let leader = match &self.leader {
            Leader::None => 0,
            Leader::Connection(_) => 5,
            Leader::Target(target) => 3 + target.len(),
        };
        let described: usize = self.descriptions.iter().map(Description::encoded_len).sum();
        let body = self.body.as_ref().map_or(0, |(part, _)| 3 + part.len());
        leader + described + body
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        match &self.leader {
            Leader::None => {}
            Leader::Connection(id) => {
                out.put_u8(HeaderId::CONNECTION.0);
                out.put_u32(id.0);
            }
            Leader::Target(target) => {
                put_head(out, HeaderId::TARGET, target.len());
                out.put_slice(target);
            }
        }
        for description in &self.descriptions {
            description.encode(out);
        }
        if let Some((part, last)) = &self.body {
            let id = if *last {
                HeaderId::END_OF_BODY
            } else {
                HeaderId::BODY
            };
            put_head(out, id, part.len());
            out.put_slice(part);
        }
    }
}

/// An object that is being sent, packet by packet.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    descriptions: VecDeque<Description>,
    body: Bytes,
}

/// One description is longer than a packet of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderTooLong;

impl Outgoing {
    pub(super) fn new(descriptions: Vec<Description>, body: Bytes) -> Self {
        Self {
            descriptions: descriptions.into(),
            body,
        }
    }

    /// Moves into `headers` the descriptions that fit into `room` octets. Says whether those were
    /// all.
    pub(super) fn describe(
        &mut self,
        mut headers: Headers,
        room: usize,
    ) -> Result<(Headers, bool), HeaderTooLong> {
        let empty = headers.encoded_len();
        while let Some(next) = self.descriptions.pop_front() {
            if headers.encoded_len() + next.encoded_len() > room {
                if headers.encoded_len() == empty && next.encoded_len() > room {
                    return Err(HeaderTooLong);
                }
                self.descriptions.push_front(next);
                return Ok((headers, false));
            }
            headers = headers.with(next);
        }
        Ok((headers, true))
    }

    /// Moves into `headers` what fits into `room` octets; the object's last part is an
    /// End-of-Body. Says whether that was all.
    pub(super) fn fill(
        &mut self,
        headers: Headers,
        room: usize,
    ) -> Result<(Headers, bool), HeaderTooLong> {
        let (headers, described) = self.describe(headers, room)?;
        if !described {
            return Ok((headers, false));
        }
        let room = room.saturating_sub(headers.encoded_len() + 3);
        // Rather no part than an empty one, unless it is the end.
        if room == 0 && !self.body.is_empty() {
            return Ok((headers, false));
        }
        let part = self.body.split_to(room.min(self.body.len()));
        let done = self.body.is_empty();
        Ok((headers.with_body(part, done), done))
    }
}

/// The headers of a packet that was received. Of a header that may be there once, the first
/// counts; those that nothing here asks for are passed over (OBEX 1.5, 2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// ConnectionID.
    pub connection: Option<u32>,
    /// Target.
    pub target: Option<Bytes>,
    /// Who.
    pub who: Option<Bytes>,
    /// Type, without what pads it.
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Length.
    pub length: Option<u32>,
    /// Each HTTP header.
    pub http: Vec<Bytes>,
    /// Authentication challenge.
    pub challenge: Option<Bytes>,
    /// Authentication response.
    pub response: Option<Bytes>,
    /// The parts of the object.
    pub body: Vec<Bytes>,
    /// Whether an End-of-Body was among them.
    pub end_of_body: bool,
}

/// No packet of a peer with good intentions holds more HTTP headers.
pub(super) const MOST_HTTP: usize = 8;

impl Received {
    /// Reads what follows the fixed part of a packet.
    pub fn parse(rest: Bytes) -> Result<Self, HeaderError> {
        let mut read = Self::default();
        for header in HeaderReader::new(rest) {
            let header = header?;
            match (header.id, header.value) {
                (HeaderId::CONNECTION, HeaderValue::Word(id)) => first(&mut read.connection, id),
                (HeaderId::LENGTH, HeaderValue::Word(length)) => first(&mut read.length, length),
                (HeaderId::NAME, HeaderValue::Text(name)) => first(&mut read.name, name),
                (id, HeaderValue::Octets(octets)) => read.take(id, octets),
                _ => {}
            }
        }
        Ok(read)
    }

    fn take(&mut self, id: HeaderId, octets: Bytes) {
        match id {
            HeaderId::TARGET => first(&mut self.target, octets),
            HeaderId::WHO => first(&mut self.who, octets),
            HeaderId::TYPE => first(&mut self.kind, media_type(&octets)),
            HeaderId::HTTP if self.http.len() < MOST_HTTP => self.http.push(octets),
            HeaderId::CHALLENGE => first(&mut self.challenge, octets),
            HeaderId::RESPONSE => first(&mut self.response, octets),
            HeaderId::BODY => self.body.push(octets),
            HeaderId::END_OF_BODY => {
                self.body.push(octets);
                self.end_of_body = true;
            }
            _ => {}
        }
    }
}

fn first<T>(place: &mut Option<T>, value: T) {
    place.get_or_insert(value);
}

/// A Type in ASCII. Peers leave the NUL out, or pad with more of them and with spaces.
pub(super) fn media_type(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    text.trim_matches(['\0', ' ', '\t']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(headers: &Headers) -> Vec<u8> {
        let mut out = BytesMut::new();
        headers.encode(&mut out);
        assert_eq!(out.len(), headers.encoded_len());
        out.to_vec()
    }

    #[test]
    fn what_leads_comes_first_and_the_object_last_however_they_are_added() {
        let headers = Headers::of(ConnectionId::new(1))
            .with_body(Bytes::from_static(b"x"), true)
            .with(Description::Length(1))
            .with(Description::Type("a/b".to_owned()))
            .with(Description::Length(2));
        assert_eq!(
            encoded(&headers),
            b"\xCB\0\0\0\x01\x42\0\x07a/b\0\xC3\0\0\0\x02\x49\0\x04x"
        );
        let headers = Headers::for_target(Bytes::from_static(b"SYNCML-DM"));
        assert_eq!(encoded(&headers), b"\x46\0\x0CSYNCML-DM");
    }

    #[test]
    fn two_numbers_name_no_connection() {
        assert_eq!(ConnectionId::new(0), None);
        assert_eq!(ConnectionId::new(u32::MAX), None);
        assert_eq!(ConnectionId::new(7).map(ConnectionId::get), Some(7));
    }

    #[test]
    fn an_object_is_cut_to_the_room_and_ends_with_its_last_part() {
        let body = Bytes::from_static(b"0123456789");
        let mut out = Outgoing::new(vec![Description::Length(10)], body);
        let mut parts = Vec::new();
        loop {
            let (headers, done) = out.fill(Headers::new(), 9).unwrap();
            parts.push(encoded(&headers));
            if done {
                break;
            }
        }
        // The Length leaves room for one octet, every other packet has six.
        let expected = [
            &b"\xC3\0\0\0\x0A\x48\0\x040"[..],
            b"\x48\0\x09123456",
            b"\x49\0\x06789",
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn an_empty_object_has_an_empty_end() {
        let mut out = Outgoing::new(Vec::new(), Bytes::new());
        let (headers, done) = out.fill(Headers::new(), 3).unwrap();
        assert!(done);
        assert_eq!(encoded(&headers), b"\x49\0\x03");
    }

    #[test]
    fn headers_that_do_not_fit_together_go_apart_and_one_that_never_fits_is_told() {
        let http = || Description::Http(Bytes::from_static(b"0123456789"));
        let mut out = Outgoing::new(
            vec![Description::Length(1), http()],
            Bytes::from_static(b"x"),
        );
        let (headers, done) = out.fill(Headers::new(), 15).unwrap();
        assert_eq!((encoded(&headers).len(), done), (5, false));
        let (headers, done) = out.fill(Headers::new(), 15).unwrap();
        assert_eq!((encoded(&headers).len(), done), (13, false));
        let (headers, done) = out.fill(Headers::new(), 15).unwrap();
        assert_eq!((encoded(&headers).len(), done), (4, true));
        let mut out = Outgoing::new(vec![http()], Bytes::new());
        assert_eq!(out.fill(Headers::new(), 12).unwrap_err(), HeaderTooLong);
    }

    #[test]
    fn of_what_is_there_twice_the_first_counts_and_the_unknown_is_passed_over() {
        let octets: &[u8] = b"\x30\0\x05\0a\x70\0\x04z\xB0\x01\xF0\0\0\0\x01\
            \xCB\0\0\0\x01\xCB\0\0\0\x02\x42\0\x08 A/b\0\x48\0\x04a\x00\0\x03\x49\0\x04b";
        let read = Received::parse(Bytes::copy_from_slice(octets)).unwrap();
        assert_eq!(read.connection, Some(1));
        assert_eq!(read.kind.as_deref(), Some("A/b"));
        assert_eq!(read.body.concat(), b"ab");
        assert!(read.end_of_body);
    }

    #[test]
    fn many_http_headers_are_bounded() {
        let octets = b"\x47\0\x04x".repeat(1000);
        let read = Received::parse(octets.into()).unwrap();
        assert_eq!(read.http.len(), MOST_HTTP);
    }
}
