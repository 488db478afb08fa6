//! Credentials, challenges and nonces (OMA-TS-DM-Security 1.2, 5).

mod hmac;

pub(crate) use hmac::body_digest;
pub use hmac::{HMAC_HEADER, HmacHeader, HmacHeaderError, hmac, verify_hmac};

use crate::{Cred, Data, Meta};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Base64 as peers send it: padding and the unused bits of the last character do not matter.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A password or another secret: wiped when dropped, without `Debug` and without `==`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret that is given as text.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }

    /// A secret that is given as octets.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same, in a time that depends on their lengths alone.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// How a credential is made, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthScheme {
    /// `syncml:auth-basic`: name and password as they are.
    Basic,
    /// `syncml:auth-md5`: a digest with a nonce.
    Md5,
    /// `syncml:auth-MAC`: a digest over the message, in a header of the transport.
    Hmac,
}

impl AuthScheme {
    const ALL: [Self; 3] = [Self::Basic, Self::Md5, Self::Hmac];

    /// The `Type` of a `Cred` or a `Chal`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "syncml:auth-basic",
            Self::Md5 => "syncml:auth-md5",
            Self::Hmac => "syncml:auth-MAC",
        }
    }

    /// The scheme that a `Type` names, in any case.
    pub fn from_type(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }

    /// The value of `AAuthType` in a `DMAcc`.
    pub const fn as_aauth_type(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Md5 => "DIGEST",
            Self::Hmac => "HMAC",
        }
    }

    /// The scheme that the value of an `AAuthType` names.
    pub fn from_aauth_type(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.as_aauth_type()))
    }

    /// The word of command lines and listings.
    pub const fn as_word(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Md5 => "md5",
            Self::Hmac => "hmac",
        }
    }

    /// The scheme that such a word names.
    pub fn from_word(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_word() == text)
    }

    /// Whether the scheme uses a nonce.
    pub const fn needs_nonce(self) -> bool {
        matches!(self, Self::Md5 | Self::Hmac)
    }
}

/// How a `NextNonce` is turned into the octets that are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NonceForm {
    /// Its base64 is decoded, as the specification says.
    #[default]
    Decoded,
    /// The base64 text itself is hashed, as some servers do.
    Text,
}

/// The data of a basic credential: `B64(user ":" password)`.
pub fn basic(user: &str, password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(plain(user, password).as_slice()))
}

/// The data of an MD5 credential: `B64(MD5(B64(MD5(user ":" password)) ":" nonce))`.
pub fn md5(user: &str, password: &Secret, nonce: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(digest(user, password, nonce).as_slice()))
}

/// Whether `data` is the basic credential of `user`.
pub fn verify_basic(data: &str, user: &str, password: &Secret) -> bool {
    let Ok(claimed) = TOLERANT.decode(compact(data).as_bytes()) else {
        return false;
    };
    plain(user, password)
        .as_slice()
        .ct_eq(&Zeroizing::new(claimed))
        .into()
}

/// Whether `data` is the MD5 credential of `user` with this nonce.
pub fn verify_md5(data: &str, user: &str, password: &Secret, nonce: &[u8]) -> bool {
    let Ok(claimed) = TOLERANT.decode(compact(data).as_bytes()) else {
        return false;
    };
    digest(user, password, nonce)
        .as_slice()
        .ct_eq(&claimed)
        .into()
}

/// The user that a basic credential names.
pub fn basic_user(data: &str) -> Option<String> {
    let text = Zeroizing::new(TOLERANT.decode(compact(data).as_bytes()).ok()?);
    let user = text.split(|&octet| octet == b':').next()?;
    (user.len() < text.len())
        .then(|| String::from_utf8(user.to_vec()).ok())
        .flatten()
}

/// The `Cred` of `user`; none for [`AuthScheme::Hmac`], which travels outside the message.
pub fn credential(scheme: AuthScheme, user: &str, password: &Secret, nonce: &[u8]) -> Option<Cred> {
    let data = match scheme {
        AuthScheme::Basic => basic(user, password),
        AuthScheme::Md5 => md5(user, password, nonce),
        AuthScheme::Hmac => return None,
    };
    Some(Cred {
        meta: Box::new(base64_meta(scheme)),
        data,
    })
}

/// Whether `cred` is of this scheme and proves that its sender knows the password of `user`.
pub fn verify(
    scheme: AuthScheme,
    cred: &Cred,
    user: &str,
    password: &Secret,
    nonce: &[u8],
) -> bool {
    let claimed = cred.meta.type_.as_deref().and_then(AuthScheme::from_type);
    claimed == Some(scheme)
        && match scheme {
            AuthScheme::Basic => verify_basic(&cred.data, user, password),
            AuthScheme::Md5 => verify_md5(&cred.data, user, password, nonce),
            AuthScheme::Hmac => false,
        }
}

/// The `Chal` that asks for a credential of `scheme`; only the schemes that hash use `nonce`.
pub fn challenge(scheme: AuthScheme, nonce: &[u8]) -> Meta {
    Meta {
        next_nonce: scheme
            .needs_nonce()
            .then(|| Data::Text(STANDARD.encode(nonce))),
        ..base64_meta(scheme)
    }
}

/// The octets of a received `NextNonce`; none when it holds elements.
///
/// Text is base64. Octets are base64 text when all of them could be, and else the nonce itself,
/// which Nokia's WBXML peers send. What cannot be decoded is taken as it is.
pub fn nonce_octets(next_nonce: &Data, form: NonceForm) -> Option<Vec<u8>> {
    let text = match next_nonce {
        Data::Text(text) => compact(text),
        Data::Opaque(octets) => match std::str::from_utf8(octets) {
            Ok(text) if TOLERANT.decode(compact(text).as_bytes()).is_ok() => compact(text),
            _ => return Some(octets.to_vec()),
        },
        Data::Elements(_) => return None,
    };
    let decoded = match form {
        NonceForm::Decoded => TOLERANT.decode(text.as_bytes()).ok(),
        NonceForm::Text => None,
    };
    Some(decoded.unwrap_or_else(|| text.as_bytes().to_vec()))
}

fn base64_meta(scheme: AuthScheme) -> Meta {
    Meta {
        format: Some("b64".to_owned()),
        type_: Some(scheme.as_str().to_owned()),
        ..Meta::default()
    }
}

/// Base64 text may be broken into lines.
fn compact(text: &str) -> Zeroizing<String> {
    // Text that outgrew its place would leave a copy behind.
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    text.split_ascii_whitespace()
        .for_each(|line| compact.push_str(line));
    compact
}

/// `user ":" password`, in room that is never moved and so is wiped as a whole.
fn plain(user: &str, password: &Secret) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(user.len() + password.0.len() + 1));
    text.extend_from_slice(user.as_bytes());
    text.push(b':');
    text.extend_from_slice(password.expose());
    text
}

fn digest(user: &str, password: &Secret, nonce: &[u8]) -> Zeroizing<[u8; 16]> {
    let plain = plain(user, password);
    let secret: Zeroizing<[u8; 16]> = Zeroizing::new(Md5::digest(plain.as_slice()).into());
    let secret = Zeroizing::new(STANDARD.encode(secret.as_slice()));
    let digest = Md5::new()
        .chain_update(secret.as_bytes())
        .chain_update(":")
        .chain_update(nonce)
        .finalize();
    Zeroizing::new(digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn secret() -> Secret {
        Secret::from_text("OhBehave")
    }

    #[test]
    fn vectors_of_the_specification_and_of_another_program() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/auth.json")).unwrap();
        let text = |vector: &serde_json::Value, key| vector[key].as_str().unwrap().to_owned();
        let mut checked = 0;
        for vector in all["basic"].as_array().unwrap() {
            let (user, password) = (text(vector, "user"), text(vector, "password"));
            let password = Secret::from_text(&password);
            assert_eq!(*basic(&user, &password), text(vector, "data"));
            checked += 1;
        }
        for vector in all["md5"].as_array().unwrap() {
            let (user, password) = (text(vector, "user"), text(vector, "password"));
            let password = Secret::from_text(&password);
            let nonce = Data::Text(text(vector, "nonce_b64"));
            let nonce = nonce_octets(&nonce, NonceForm::Decoded).unwrap();
            assert_eq!(*md5(&user, &password, &nonce), text(vector, "data"));
            assert!(verify_md5(&text(vector, "data"), &user, &password, &nonce));
            checked += 1;
        }
        assert_eq!(checked, 5);
    }

    #[test]
    fn digests_that_a_live_server_accepted() {
        let funambol = Secret::from_text("funambol");
        let digest = |nonce: &[u8]| md5("funambol", &funambol, nonce);
        assert_eq!(*digest(b"MzA5Mzc5MTU4MQ=="), "90UACYNmYpMNV1cB9HeNgQ==");
        assert_eq!(*digest(b""), "hCYC0/A/ecptbtSXn8MS0Q==");

        let next = Data::Text("bm9uY2UtQUJDREVGR0hJSksh".into());
        let decoded = nonce_octets(&next, NonceForm::Decoded).unwrap();
        assert_eq!(*digest(&decoded), "xDuI4LAyQFEQI2RW/nuWjw==");
        let text = nonce_octets(&Data::Text("MzA5Mzc5MTU4MQ==".into()), NonceForm::Text).unwrap();
        assert_eq!(*digest(&text), "90UACYNmYpMNV1cB9HeNgQ==");
    }

    #[test]
    fn nonces_of_every_length_survive_a_challenge() {
        for length in 0..=40_u8 {
            let nonce: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37)).collect();
            let challenge = challenge(AuthScheme::Md5, &nonce);
            let next = challenge.next_nonce.unwrap();
            assert_eq!(nonce_octets(&next, NonceForm::Decoded).unwrap(), nonce);
            let Data::Text(text) = &next else {
                panic!("a challenge holds text")
            };
            let unpadded = Data::Text(format!(" {}\n", text.trim_end_matches('=')));
            assert_eq!(nonce_octets(&unpadded, NonceForm::Decoded).unwrap(), nonce);
        }
    }

    #[test]
    fn nonces_in_the_forms_that_peers_send() {
        let decoded = |data: &Data| nonce_octets(data, NonceForm::Decoded);
        // The samples of the specification.
        assert_eq!(
            decoded(&Data::Text("LG3iZQhhdmKNHg==".into())).unwrap(),
            [0x2C, 0x6D, 0xE2, 0x65, 0x08, 0x61, 0x76, 0x62, 0x8D, 0x1E]
        );
        assert_eq!(
            decoded(&Data::Text("ZG9iZWhhdmUNCg==".into())).unwrap(),
            b"dobehave\r\n"
        );
        let raw = Data::Opaque(Bytes::from_static(&[0xFF, 0x00, 0x2C]));
        assert_eq!(decoded(&raw).unwrap(), [0xFF, 0x00, 0x2C]);
        let text = Data::Opaque(Bytes::from_static(b"Tm9uY2U="));
        assert_eq!(decoded(&text).unwrap(), b"Nonce");
        assert_eq!(nonce_octets(&text, NonceForm::Text).unwrap(), b"Tm9uY2U=");
        assert_eq!(
            decoded(&Data::Text("not base64!".into())).unwrap(),
            b"notbase64!"
        );
        assert_eq!(decoded(&Data::Elements(Vec::new())), None);
    }

    #[test]
    fn credentials_are_verified_by_scheme_name_secret_and_nonce() {
        for scheme in [AuthScheme::Basic, AuthScheme::Md5] {
            let cred = credential(scheme, "Bruce2", &secret(), b"Nonce").unwrap();
            let check =
                |scheme, user, secret: &Secret, nonce| verify(scheme, &cred, user, secret, nonce);
            assert!(check(scheme, "Bruce2", &secret(), b"Nonce"));
            assert!(!check(scheme, "Bruce", &secret(), b"Nonce"));
            assert!(!check(scheme, "Bruce2", &Secret::from_text("x"), b"Nonce"));
            assert_eq!(
                check(scheme, "Bruce2", &secret(), b"other"),
                scheme == AuthScheme::Basic
            );
            let other = match scheme {
                AuthScheme::Basic => AuthScheme::Md5,
                _ => AuthScheme::Basic,
            };
            assert!(!check(other, "Bruce2", &secret(), b"Nonce"));
        }
        assert!(credential(AuthScheme::Hmac, "u", &secret(), b"").is_none());
        assert!(!verify_md5("", "Bruce2", &secret(), b"Nonce"));
        assert!(!verify_md5("%%%", "Bruce2", &secret(), b"Nonce"));
    }

    #[test]
    fn a_basic_credential_names_its_user() {
        assert_eq!(basic_user("QnJ1Y2UyOk9oQmVoYXZl").unwrap(), "Bruce2");
        assert_eq!(basic_user(" QnJ1Y2UyOk9oQmVoYXZl\n").unwrap(), "Bruce2");
        assert_eq!(basic_user("QnJ1Y2Uy"), None, "no colon");
        assert_eq!(basic_user("***"), None);
        assert!(verify_basic(" QnJ1Y2Uy\nOk9oQmVoYXZl", "Bruce2", &secret()));
    }

    #[test]
    fn schemes_have_three_names() {
        for scheme in AuthScheme::ALL {
            assert_eq!(AuthScheme::from_word(scheme.as_word()), Some(scheme));
            assert_eq!(AuthScheme::from_type(scheme.as_str()), Some(scheme));
            assert_eq!(
                AuthScheme::from_aauth_type(scheme.as_aauth_type()),
                Some(scheme)
            );
        }
        assert_eq!(
            AuthScheme::from_type("SYNCML:AUTH-MD5"),
            Some(AuthScheme::Md5)
        );
        assert_eq!(AuthScheme::from_type("syncml:auth-X509"), None);
    }
}
