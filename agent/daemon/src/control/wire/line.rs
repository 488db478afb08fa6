//! The lines on which servers begin sessions, and notifications.

use serde::{Deserialize, Serialize};

wire_types! { lenient
    /// A line on which servers begin sessions.
    struct Line {
        /// The address that the device waits at.
        address: String,
        /// `opening`, `waiting`, `connected` or `away`.
        state: String,
        /// Why it is away.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    }

    /// What has come of notifications, and of other wishes of servers for a session.
    struct Notifications {
        /// How many were followed.
        accepted: i64,
        /// How many of them were made with the nonce to resynchronise with.
        resynchronised: i64,
        /// How many were not, by the reason.
        refused: Vec<Count>,
    }

    /// How often something happened.
    struct Count {
        /// What.
        reason: String,
        /// How often.
        count: i64,
    }

    /// Reply of `Notify`: the session that begins.
    struct NotifyReply {
        /// The account.
        account: String,
        /// `ServerID`.
        server_id: String,
        /// `SessionID`.
        session_id: String,
        /// The notification was made with the nonce to resynchronise with.
        resynchronised: bool,
    }
}

wire_types! { strict
    /// Parameters of `Notify`.
    struct Notify {
        /// Package 0, base64.
        package: String,
    }
}
