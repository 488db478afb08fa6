//! A bearer carries one opaque envelope there and one back.
