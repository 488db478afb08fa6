//! The events of the journal: a section of a page, and the catalog of the journal.

use omadm_agent::event::Kind;

use crate::roff::{Page, bold};

/// Every event with its number.
pub(crate) fn write(page: &mut Page) {
    page.section("EVENTS");
    page.text(
        "Under a service manager the log goes to the journal. An event has a fixed `MESSAGE_ID` \
         and, as far as they apply, the fields `DM_SESSION_ID` (the SessionID), `DM_SERVER_ID` \
         (the ServerID of the account), `DM_BEARER` (the scheme of the server's address), \
         `DM_NODE_URI` and `DM_STATUS` (a SyncML status). No field holds a secret.",
    );
    page.example(&[
        "journalctl -u omadmd DM_SERVER_ID=lab.example",
        &format!(
            "journalctl -x MESSAGE_ID={}",
            Kind::SessionFailed.message_id()
        ),
    ]);
    for kind in Kind::ALL {
        page.term(&bold(kind.message_id()));
        page.text(&format!("{}. {}", kind.subject(), kind.advice()));
    }
    page.text(
        "\nElsewhere the fields stand behind the text on standard error. A warning or an error \
         that comes more than five times in a minute is counted instead of repeated.",
    );
}

/// The catalog, as `journalctl -x` shows it.
pub(crate) fn catalog() -> String {
    let entry = |kind: Kind| {
        let (id, subject, advice) = (kind.message_id(), kind.subject(), kind.advice());
        let advice = advice.replace('`', "");
        format!("-- {id}\nSubject: {subject}\nDefined-By: omadm\n\n{advice}\n\n")
    };
    Kind::ALL.map(entry).concat()
}
