//! What the numbers in a message mean, for people.

use omadm_syncml::StatusCode;
use omadm_syncml::alert::AlertCode;

/// The meaning of the text of a `Data` that is a child of `parent`.
pub(super) fn meaning(parent: &str, text: &str) -> Option<&'static str> {
    match parent {
        "Status" => status(text),
        "Alert" => alert(text),
        _ => None,
    }
}

fn status(text: &str) -> Option<&'static str> {
    let phrase = StatusCode::parse(text)?.phrase();
    (phrase != StatusCode(0).phrase()).then_some(phrase)
}

/// The names of OMA-TS-DM_Protocol 8.7 and 9.
fn alert(text: &str) -> Option<&'static str> {
    Some(match AlertCode::parse(text)? {
        AlertCode::DISPLAY => "display",
        AlertCode::CONFIRM_OR_REJECT => "confirm or reject",
        AlertCode::TEXT_INPUT => "text input",
        AlertCode::SINGLE_CHOICE => "single choice",
        AlertCode::MULTIPLE_CHOICE => "multiple choice",
        AlertCode::SERVER_INITIATED => "server-initiated management",
        AlertCode::CLIENT_INITIATED => "client-initiated management",
        AlertCode::NEXT_MESSAGE => "next message",
        AlertCode::SESSION_ABORT => "session abort",
        AlertCode::CLIENT_EVENT => "client event",
        AlertCode::NO_END_OF_DATA => "no end of data",
        AlertCode::GENERIC => "generic alert",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_explained_where_they_are_codes() {
        assert_eq!(
            meaning("Alert", " 1201 "),
            Some("client-initiated management")
        );
        assert_eq!(meaning("Status", "404"), Some("not found"));
        assert_eq!(meaning("Status", "299"), None);
        assert_eq!(meaning("Item", "200"), None);
        assert_eq!(meaning("Alert", "200"), None);
    }
}
