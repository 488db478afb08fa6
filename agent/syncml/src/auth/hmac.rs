//! The digest over a whole message, and the transport header that carries it
//! (OMA-TS-DM-Security 1.2, 5.4).

use super::{Secret, TOLERANT, compact, plain};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The header of the transport that carries an [`HmacHeader`].
pub const HMAC_HEADER: &str = "x-syncml-hmac";

/// No header with names that a tree can hold is longer.
const LONGEST_HEADER: usize = 4_096;

/// The base64 of 32 hex characters, which has 44, with some white space.
const LONGEST_MAC: usize = 64;

/// The value of an `x-syncml-hmac` header: who sent a message, and the digest that proves it.
///
/// ```
/// use omadm_syncml::auth::HmacHeader;
///
/// let text = r#"algorithm=MD5, username="Bruce2", mac=urdCeS3JUmjFgi8SX3webw=="#;
/// let header = HmacHeader::parse(text)?;
/// assert_eq!(header.user, "Bruce2");
/// assert_eq!(header.to_string(), text);
/// # Ok::<(), omadm_syncml::auth::HmacHeaderError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HmacHeader {
    /// `username`: the `Source/LocName` of the message.
    pub user: String,
    /// `mac` as it was received or is to be sent.
    pub mac: String,
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacHeaderError {
    /// It is longer than any that makes sense.
    TooLong,
    /// It is not a list of `name=value`.
    Syntax,
    /// A part of it, or the whole header, is there twice.
    Repeated,
    /// It has no `username` or no `mac`.
    Incomplete,
    /// Its `algorithm` is not MD5.
    Algorithm,
}

impl fmt::Display for HmacHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is too long",
            Self::Syntax => "it is not a list of name=value",
            Self::Repeated => "a part of it is there twice",
            Self::Incomplete => "it has no username or no mac",
            Self::Algorithm => "its algorithm is not MD5",
        })
    }
}

impl std::error::Error for HmacHeaderError {}

impl HmacHeader {
    /// Reads the value of a header: its parts in any order, `algorithm` optional.
    pub fn parse(value: &str) -> Result<Self, HmacHeaderError> {
        if value.len() > LONGEST_HEADER {
            return Err(HmacHeaderError::TooLong);
        }
        let (mut user, mut mac, mut algorithm) = (None, None, None);
        let mut rest = separators(value);
        while !rest.is_empty() {
            let (name, value, after) = parameter(rest).ok_or(HmacHeaderError::Syntax)?;
            let place = match name.to_ascii_lowercase().as_str() {
                "username" => Some(&mut user),
                "mac" => Some(&mut mac),
                "algorithm" => Some(&mut algorithm),
                _ => None,
            };
            if place.is_some_and(|place| place.replace(value).is_some()) {
                return Err(HmacHeaderError::Repeated);
            }
            rest = next_parameter(after).ok_or(HmacHeaderError::Syntax)?;
        }
        if !algorithm.is_none_or(|name: String| name.eq_ignore_ascii_case("MD5")) {
            return Err(HmacHeaderError::Algorithm);
        }
        match (user, mac) {
            (Some(_), Some(mac)) if mac.len() > LONGEST_MAC => Err(HmacHeaderError::TooLong),
            (Some(user), Some(mac)) => Ok(Self { user, mac }),
            _ => Err(HmacHeaderError::Incomplete),
        }
    }

    /// What the header fields of one message of this name say, as a transport received them.
    ///
    /// A header that cannot be read, or that is there twice, proves nothing, yet it is not
    /// absent: it comes out as one that fits no message.
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut fields = fields.into_iter();
        let first = fields.next()?;
        let only = match fields.next() {
            None => std::str::from_utf8(first).ok(),
            Some(_) => None,
        };
        let read = only.and_then(|value| Self::parse(value).ok());
        Some(read.unwrap_or_else(|| Self {
            user: String::new(),
            mac: String::new(),
        }))
    }

    /// Whether the header was there and could not be read.
    pub fn is_unreadable(&self) -> bool {
        self.mac.is_empty()
    }
}

impl fmt::Display for HmacHeader {
    /// The value of the header. No name can break out of it: control characters become `?`, and
    /// such a name is then refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("algorithm=MD5, username=\"")?;
        for c in self.user.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => f.write_str("?")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\", mac=")?;
        let sound = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let mut mac = self.mac.chars().filter(sound);
        mac.try_for_each(|c| write!(f, "{c}"))
    }
}

impl fmt::Debug for HmacHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacHeader")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Commas and white space: elements of a list may be empty (RFC 2616, 2.1).
fn separators(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

/// What follows a parameter, which only a comma may.
fn next_parameter(text: &str) -> Option<&str> {
    let text = text.trim_start_matches([' ', '\t']);
    (text.is_empty() || text.starts_with(',')).then(|| separators(text))
}

/// The name and the value of the first parameter, and what follows.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_matches([' ', '\t']);
    let is_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(is_token) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let (value, rest) = if let Some(rest) = rest.strip_prefix('"') {
        quoted(rest)?
    } else {
        let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
        let (value, rest) = rest.split_at_checked(end)?;
        (value.to_owned(), rest)
    };
    let is_sound = !value.is_empty() && !value.chars().any(char::is_control);
    is_sound.then_some((name, value, rest))
}

/// The rest of a quoted string, with its escapes resolved, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// The `mac` of a message: `B64(MD5(B64(MD5(user ":" password)) ":" nonce ":" B64(MD5(body))))`.
/// `body` is what is sent, octet for octet. Despite its name this is not RFC 2104.
pub fn hmac(user: &str, password: &Secret, nonce: &[u8], body: &[u8]) -> String {
    STANDARD.encode(body_digest(user, password, nonce, body))
}

/// Whether `mac` proves that its sender knows the password of `user`, this nonce and this body.
///
/// The sample of the specification is the base64 of hexadecimal text, its formula gives that of
/// the 16 octets; both are accepted.
pub fn verify_hmac(mac: &str, user: &str, password: &Secret, nonce: &[u8], body: &[u8]) -> bool {
    if mac.len() > LONGEST_MAC {
        return false;
    }
    let Ok(mut claimed) = TOLERANT.decode(compact(mac).as_bytes()) else {
        return false;
    };
    let digest = body_digest(user, password, nonce, body);
    let text: Vec<u8> = digest.iter().copied().flat_map(hexadecimal).collect();
    let raw = digest.as_slice().ct_eq(&claimed);
    claimed.make_ascii_lowercase();
    (raw | text.as_slice().ct_eq(&claimed)).into()
}

fn hexadecimal(octet: u8) -> [u8; 2] {
    let digit = |half: u8| {
        if half < 10 {
            b'0' + half
        } else {
            b'a' + half - 10
        }
    };
    [digit(octet >> 4), digit(octet & 15)]
}

/// The octets of [`hmac`], which a notification carries as they are.
pub(crate) fn body_digest(user: &str, password: &Secret, nonce: &[u8], body: &[u8]) -> [u8; 16] {
    let secret: Zeroizing<[u8; 16]> =
        Zeroizing::new(Md5::digest(plain(user, password).as_slice()).into());
    let secret = Zeroizing::new(STANDARD.encode(secret.as_slice()));
    Md5::new()
        .chain_update(secret.as_bytes())
        .chain_update(":")
        .chain_update(nonce)
        .chain_update(":")
        .chain_update(STANDARD.encode(Md5::digest(body)))
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::from_text("OhBehave")
    }

    fn read(value: &str) -> (String, String) {
        let header = HmacHeader::parse(value).unwrap_or_else(|e| panic!("{value:?}: {e}"));
        (header.user, header.mac)
    }

    #[test]
    fn digests_of_the_vectors() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/auth.json")).unwrap();
        let mut checked = 0;
        for vector in all["hmac"].as_array().unwrap() {
            let text = |key: &str| vector[key].as_str().unwrap();
            let (user, password) = (text("user"), Secret::from_text(text("password")));
            let nonce = STANDARD.decode(text("nonce_b64")).unwrap();
            let mac = hmac(user, &password, &nonce, text("body").as_bytes());
            assert_eq!(mac, text("mac"));
            assert_eq!(mac.len(), 24);
            checked += 1;
        }
        assert_eq!(checked, 2);
    }

    #[test]
    fn both_forms_of_a_mac_are_accepted_and_nothing_else() {
        let verify = |mac: &str| verify_hmac(mac, "Bruce2", &secret(), b"Nonce", b"<SyncML/>");
        let raw = "urdCeS3JUmjFgi8SX3webw==";
        let octets = STANDARD.decode(raw).unwrap();
        let hex: Vec<u8> = octets.iter().copied().flat_map(hexadecimal).collect();
        let hex = String::from_utf8(hex).unwrap();
        assert!(verify(raw));
        assert!(verify(raw.trim_end_matches('=')));
        assert!(verify(&STANDARD.encode(&hex)));
        assert!(verify(&STANDARD.encode(hex.to_uppercase())));
        for wrong in ["", "=", "%", "AAAA", &hex, &hex[..31], &raw.repeat(2)] {
            assert!(!verify(wrong), "{wrong:?}");
        }
        assert!(!verify(&STANDARD.encode(&hex[..30])));
        assert!(!verify(&"A".repeat(100_000)));
    }

    #[test]
    fn a_mac_fits_one_name_secret_nonce_and_body() {
        let mac = hmac("Bruce2", &secret(), b"Nonce", b"<SyncML/>");
        let check =
            |user, secret: &Secret, nonce, body| verify_hmac(&mac, user, secret, nonce, body);
        assert!(check("Bruce2", &secret(), b"Nonce", b"<SyncML/>"));
        assert!(!check("Bruce", &secret(), b"Nonce", b"<SyncML/>"));
        assert!(!check(
            "Bruce2",
            &Secret::from_text("x"),
            b"Nonce",
            b"<SyncML/>"
        ));
        assert!(!check("Bruce2", &secret(), b"nonce", b"<SyncML/>"));
        for at in 0..9 {
            let mut body = *b"<SyncML/>";
            body[at] ^= 1;
            assert!(!verify_hmac(&mac, "Bruce2", &secret(), b"Nonce", &body));
        }
        for length in 0..=9 {
            let nonce = vec![0; length];
            let mac = hmac("u", &secret(), &nonce, b"");
            assert!(verify_hmac(&mac, "u", &secret(), &nonce, b""));
        }
    }

    #[test]
    fn headers_are_read_in_any_order_and_spacing() {
        let expected = ("Bruce2".to_owned(), "Zm9v+/==".to_owned());
        for value in [
            "algorithm=MD5, username=\"Bruce2\", mac=Zm9v+/==",
            "mac=Zm9v+/==,username=\"Bruce2\"",
            "username=\"Bruce2\",\tMAC = Zm9v+/== , Algorithm=md5",
            ",, username = \"Bruce2\" ,, mac=\"Zm9v+/==\" ,",
            "username=Bruce2, mac=Zm9v+/==, realm=\"a, b\"",
            "username=\"Br\\uce2\", mac=Zm9v+/==",
        ] {
            assert_eq!(read(value), expected, "{value:?}");
        }
    }

    #[test]
    fn names_of_any_characters_survive() {
        for user in [
            "dev 1",
            "a,b=c",
            "quo\"te",
            "back\\slash\\",
            "é – ☃",
            "\"",
            "mac=x",
        ] {
            let header = HmacHeader {
                user: user.to_owned(),
                mac: "Zm9v".to_owned(),
            };
            assert_eq!(HmacHeader::parse(&header.to_string()), Ok(header));
        }
        let header = HmacHeader {
            user: "a\r\nX-Evil: 1".to_owned(),
            mac: "Zm9v\r\n".to_owned(),
        };
        assert!(!header.to_string().chars().any(char::is_control));
    }

    #[test]
    fn malformed_headers_are_told_apart() {
        use HmacHeaderError::{Algorithm, Incomplete, Repeated, Syntax, TooLong};
        for (value, expected) in [
            ("", Incomplete),
            (" , ,", Incomplete),
            ("username=\"a\"", Incomplete),
            ("mac=AAAA", Incomplete),
            ("username=\"a\", mac=", Syntax),
            ("username=\"\", mac=AAAA", Syntax),
            ("username=\"a, mac=AAAA", Syntax),
            ("username=\"a\\", Syntax),
            ("username=\"a\" mac=AAAA", Syntax),
            ("username=\"a\"x, mac=AAAA", Syntax),
            ("username=\"a\nb\", mac=AAAA", Syntax),
            ("just words", Syntax),
            ("=x", Syntax),
            ("username=\"a\", username=\"b\", mac=AAAA", Repeated),
            ("username=\"a\", mac=AAAA, mac=AAAA", Repeated),
            ("algorithm=SHA1, username=\"a\", mac=AAAA", Algorithm),
        ] {
            assert_eq!(HmacHeader::parse(value), Err(expected), "{value:?}");
        }
        let long = format!("username=\"a\", mac={}", "A".repeat(65));
        assert_eq!(HmacHeader::parse(&long), Err(TooLong));
        let long = format!("username=\"{}\", mac=AAAA", "a".repeat(5_000));
        assert_eq!(HmacHeader::parse(&long), Err(TooLong));
    }

    #[test]
    fn a_header_that_proves_nothing_is_not_absent() {
        let good = b"username=\"a\", mac=AAAA".as_slice();
        assert_eq!(HmacHeader::of_fields([]), None);
        assert_eq!(HmacHeader::of_fields([good]).unwrap().user, "a");
        for fields in [vec![good, good], vec![b"mac=\xFF".as_slice()], vec![b""]] {
            assert!(HmacHeader::of_fields(fields).unwrap().is_unreadable());
        }
    }

    #[test]
    fn debug_shows_no_mac() {
        let header = HmacHeader::parse("username=\"a\", mac=Zm9v").unwrap();
        assert_eq!(format!("{header:?}"), "HmacHeader { user: \"a\", .. }");
    }
}
