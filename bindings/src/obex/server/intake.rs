//! An object that arrives packet by packet, and a request for one.

use crate::obex::code::ResponseCode;
use crate::obex::headers::{MOST_HTTP, Received};

use bytes::{Bytes, BytesMut};

/// An object as a peer has sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Its Type.
    pub kind: Option<String>,
    /// Its Name.
    pub name: Option<String>,
    /// HTTP header fields that travel with it, as they came.
    pub http: Vec<Bytes>,
    /// Its octets.
    pub body: Bytes,
}

/// What a peer wants to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its Type.
    pub kind: Option<String>,
    /// Its Name.
    pub name: Option<String>,
}

impl Wanted {
    pub(super) fn take(&mut self, headers: Received) {
        self.kind = self.kind.take().or(headers.kind);
        self.name = self.name.take().or(headers.name);
    }
}

/// An object in the making.
#[derive(Debug, Default)]
pub(in crate::obex) struct Intake {
    object: Object,
    body: BytesMut,
    /// A PUT without any part of an object deletes one.
    has_body: bool,
}

impl Intake {
    /// Takes what a packet brings, unless the object becomes larger than `limit`.
    pub(in crate::obex) fn take(
        &mut self,
        headers: Received,
        limit: usize,
    ) -> Result<(), ResponseCode> {
        let object = &mut self.object;
        object.kind = object.kind.take().or(headers.kind);
        object.name = object.name.take().or(headers.name);
        let room = MOST_HTTP.saturating_sub(object.http.len());
        object.http.extend(headers.http.into_iter().take(room));
        if let (Some(length), []) = (headers.length, self.body.as_ref()) {
            // The whole has its place from the start, and is not moved as it grows. What the peer
            // states costs nothing until it has sent it.
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.body.reserve(length.min(limit));
        }
        for part in headers.body {
            self.has_body = true;
            if self.body.len() + part.len() > limit {
                return Err(ResponseCode::TOO_LARGE);
            }
            self.body.extend_from_slice(&part);
        }
        Ok(())
    }

    /// The whole of it; `None` if it was never begun.
    pub(in crate::obex) fn finish(self) -> Option<Object> {
        let body = self.body.freeze();
        let object = Object {
            body,
            ..self.object
        };
        self.has_body.then_some(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(length: Option<u32>, octets: &'static [u8]) -> Received {
        Received {
            length,
            body: vec![Bytes::from_static(octets)],
            ..Received::default()
        }
    }

    #[test]
    fn an_object_of_a_stated_length_is_not_moved_as_it_grows() {
        let mut intake = Intake::default();
        intake.take(part(Some(100_000), b"a"), 200_000).unwrap();
        let place = intake.body.as_ptr();
        for _ in 0..99 {
            intake.take(part(None, &[7; 1_010]), 200_000).unwrap();
        }
        assert_eq!((intake.body.as_ptr(), intake.body.len()), (place, 99_991));
    }

    #[test]
    fn a_stated_length_takes_no_more_than_the_limit_and_promises_nothing() {
        let mut intake = Intake::default();
        intake.take(part(Some(u32::MAX), b"a"), 1_000).unwrap();
        assert!(intake.body.capacity() <= 2_000);
        let much = part(Some(1), &[7; 1_000]);
        assert_eq!(intake.take(much, 1_000), Err(ResponseCode::TOO_LARGE));
        let mut intake = Intake::default();
        intake.take(part(Some(1), b"more"), 1_000).unwrap();
        assert_eq!(intake.finish().unwrap().body, "more");
    }
}
