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
