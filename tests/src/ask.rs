//! What a job of one command asks.

use omadm_server::job::{Content, Operation};

fn text(value: &str) -> Content {
    Content {
        text: Some(value.to_owned()),
        ..Content::default()
    }
}

/// `Get` of one address.
pub fn get(uri: &str) -> Operation {
    Operation::Get {
        uri: uri.to_owned(),
    }
}

/// `Add` of a leaf with a text.
pub fn add(uri: &str, value: &str) -> Operation {
    Operation::Add {
        uri: uri.to_owned(),
        content: text(value),
    }
}

/// `Replace` of a text.
pub fn replace(uri: &str, value: &str) -> Operation {
    Operation::Replace {
        uri: uri.to_owned(),
        content: text(value),
    }
}

/// `Copy` of a leaf.
pub fn copy(source: &str, target: &str) -> Operation {
    Operation::Copy {
        source: source.to_owned(),
        target: target.to_owned(),
    }
}

/// `Delete` of a node.
pub fn delete(uri: &str) -> Operation {
    Operation::Delete {
        uri: uri.to_owned(),
    }
}
