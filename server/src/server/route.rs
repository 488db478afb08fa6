//! Finds the session that a message belongs to.

use super::Arrival;
use crate::session::Phase;
use crate::store::{jobs, sessions};
use omadm_syncml::StatusCode;
use rusqlite::Transaction;
use std::time::Duration;

/// A session that is over repeats its last answer for as long as an HTTP client may retry.
const REPEATS: Duration = Duration::from_mins(1);

/// What a message means for the sessions there are.
pub(super) enum Route {
    /// It is the next message of a session, sent to the address that its device was given.
    Continue(sessions::Kept),
    /// It is the next message of a session by its names alone: whoever was given the address of
    /// the session before need not be who sends this.
    Join(sessions::Kept),
    /// It begins one.
    New,
    /// It is the last message of a session once more: so is the answer.
    Repeat(sessions::Kept),
    /// It has no place in its session.
    Refuse(sessions::Kept, StatusCode, &'static str),
}

impl Arrival<'_> {
    pub(super) fn route(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Route> {
        let header = &self.message.header;
        let by_token = match self.request.token {
            Some(token) => sessions::by_token(transaction, token)?,
            None => None,
        };
        if let Some(kept) = by_token {
            return self.route_by_token(transaction, kept);
        }
        let latest = sessions::latest(transaction, &header.source.uri, &header.session_id)?;
        let Some(kept) = latest else {
            return Ok(Route::New);
        };
        if self.is_repeated(transaction, &kept)? {
            return Ok(Route::Repeat(kept));
        }
        // Whoever knows only the names has still to prove itself, unless the policy is lax.
        let joins = kept.session.phase == Phase::Authenticating
            || (self.policy.accept_session_id && kept.session.phase.is_alive());
        let next = follows(&header.msg_id, &kept.peer_msg_id);
        Ok(if joins && next && !self.is_silent(&kept) {
            Route::Join(kept)
        } else {
            Route::New
        })
    }

    fn route_by_token(
        &self,
        transaction: &Transaction<'_>,
        kept: sessions::Kept,
    ) -> rusqlite::Result<Route> {
        let header = &self.message.header;
        let refuse = |kept, code, why| Ok(Route::Refuse(kept, code, why));
        if kept.device != header.source.uri || kept.session_id != header.session_id {
            let why = "the message is of another device or session than its address";
            return refuse(kept, StatusCode::BAD_REQUEST, why);
        }
        if self.is_repeated(transaction, &kept)? {
            return Ok(Route::Repeat(kept));
        }
        if !follows(&header.msg_id, &kept.peer_msg_id) {
            let why = "its MsgID was used before, for another message";
            return refuse(kept, StatusCode::BAD_REQUEST, why);
        }
        match kept.session.phase {
            phase if phase.is_alive() && self.is_silent(&kept) => {
                sessions::expire(transaction, kept.id, self.request.now)?;
                Ok(Route::New)
            }
            phase if phase.is_alive() => Ok(Route::Continue(kept)),
            Phase::Expired | Phase::Completed => Ok(Route::New),
            Phase::Superseded => {
                self.scope(transaction, &kept.device, true, kept.id)
                    .cloned("two sessions of it ran at once")?;
                refuse(
                    kept,
                    StatusCode::BAD_REQUEST,
                    "the device began another session",
                )
            }
            Phase::Refused => {
                let why = "the device could not prove itself in this session";
                refuse(kept, StatusCode::INVALID_CREDENTIALS, why)
            }
            _ => refuse(kept, StatusCode::BAD_REQUEST, "the session was broken off"),
        }
    }

    /// Whether the message is the last one of its session once more, octet for octet.
    fn is_repeated(
        &self,
        transaction: &Transaction<'_>,
        kept: &sessions::Kept,
    ) -> rusqlite::Result<bool> {
        let same = kept.peer_msg_id == self.message.header.msg_id
            && kept.request_digest == self.digest
            && kept.answer_type == self.request.media_type;
        if !same || kept.session.phase == Phase::Open {
            return Ok(same);
        }
        // A device with basic credentials and one SessionID begins each session with the same
        // octets: that is no repetition when time has passed, or when there is work for it.
        let recent = kept.last >= sessions::before(self.request.now, REPEATS);
        let begins = kept.session.messages == 1 && kept.session.phase == Phase::Ended;
        Ok(recent && !(begins && jobs::has_queued(transaction, &kept.device)?))
    }

    fn is_silent(&self, kept: &sessions::Kept) -> bool {
        kept.last < sessions::before(self.request.now, self.policy.idle)
    }
}

/// Whether `msg_id` may come after `last`: another text, and no smaller number.
fn follows(msg_id: &str, last: &str) -> bool {
    match (msg_id.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(next), Ok(last)) => next > last,
        _ => msg_id != last,
    }
}
