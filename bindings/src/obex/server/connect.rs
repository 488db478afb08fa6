//! CONNECT: which service, and who (OBEX 1.5, 3.4.1 and 4).

use super::operation::Operation;
use super::{Connection, Server, ServerEnd, ServerEvent};
use crate::obex::auth::{self, Nonce};
use crate::obex::code::ResponseCode;
use crate::obex::headers::{ConnectionId, Description, Headers, Received};
use crate::obex::packet::{ConnectFields, SMALLEST_MTU};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Failed authentications after which the line is given up.
const MOST_FAILURES: u8 = 8;

impl Server {
    pub(super) fn connect(&mut self, fields: Option<ConnectFields>, headers: &Received) {
        let Some(fields) = fields else {
            return;
        };
        self.operation = Operation::Idle;
        let known = |target: &Bytes| self.parameters.targets.contains(&target.as_ref());
        if !headers.target.as_ref().is_none_or(known) {
            return self.refuse_connect(ResponseCode::NOT_FOUND, &Headers::new());
        }
        if self.busy {
            return self.refuse_connect(ResponseCode::UNAVAILABLE, &Headers::new());
        }
        // A challenge is good for one response.
        let own = self.challenge.take();
        let Ok(proven) = self.authenticate(own, headers) else {
            return self.challenge();
        };
        let Some(id) = ConnectionId::new(self.last_id.wrapping_add(1).max(1)) else {
            return self.refuse_connect(ResponseCode::UNAVAILABLE, &Headers::new());
        };
        self.last_id = id.get();
        let send = fields.mtu.max(SMALLEST_MTU).min(self.parameters.send);
        self.connection = Some(Connection { id, send });
        let answer = Headers::of(Some(id))
            .with_some(headers.target.clone().map(Description::Who))
            .with_some(self.prove(own, headers, proven));
        self.answer_connect(ResponseCode::SUCCESS, &answer);
        let target = headers.target.clone();
        self.event(ServerEvent::Connected { target, proven });
    }

    /// Which credential the peer has proven; `Err` if it has to prove one and has not.
    fn authenticate(
        &mut self,
        own: Option<Nonce>,
        headers: &Received,
    ) -> Result<Option<usize>, ()> {
        if self.parameters.credentials.is_empty() {
            return Ok(None);
        }
        let response = headers.response.as_ref();
        let (Some(nonce), Some(response)) = (own, response) else {
            return Err(());
        };
        let mut known = self.parameters.credentials.iter();
        let proven = known.position(|known| auth::verify(response, nonce, known));
        self.failures = if proven.is_some() {
            0
        } else {
            self.failures.saturating_add(1)
        };
        proven.map(Some).ok_or(())
    }

    /// Refuses a connection. The peer has been restarted all the same, and has no other one.
    fn refuse_connect(&mut self, code: ResponseCode, headers: &Headers) {
        if self.drop_connection() {
            self.event(ServerEvent::Refused);
        }
        self.answer_connect(code, headers);
    }

    /// Forgets the connection; says whether there was one.
    pub(super) fn drop_connection(&mut self) -> bool {
        let had = self.connection.take().is_some();
        if had {
            self.alone = self.heard;
        }
        had
    }

    fn challenge(&mut self) {
        if self.failures >= MOST_FAILURES {
            return self.close(ServerEnd::Unauthorized);
        }
        let nonce = self.next_nonce();
        self.challenge = Some(nonce);
        let value = auth::challenge(nonce, true);
        let headers = Headers::new().with(Description::Challenge(value));
        self.refuse_connect(ResponseCode::UNAUTHORIZED, &headers);
    }

    /// Answers the peer's challenge with the credential that it has proven; never this end's `own`
    /// challenge, whose answer is the peer's to give.
    fn prove(
        &self,
        own: Option<Nonce>,
        headers: &Received,
        proven: Option<usize>,
    ) -> Option<Description> {
        let (nonce, _) = auth::read_challenge(headers.challenge.as_ref()?)?;
        let credential = self.parameters.credentials.get(proven?)?;
        (own != Some(nonce)).then(|| Description::Response(auth::response(nonce, credential)))
    }

    fn next_nonce(&mut self) -> Nonce {
        self.nonces += 1;
        let mut hash = Sha256::new();
        hash.update(self.parameters.seed);
        hash.update(self.nonces.to_be_bytes());
        let octets: [u8; 32] = hash.finalize().into();
        let mut nonce = [0; 16];
        nonce
            .iter_mut()
            .zip(octets)
            .for_each(|(to, from)| *to = from);
        Nonce(nonce)
    }
}
