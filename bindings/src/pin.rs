//! A pinned public key: the one a server must have, whoever has signed its certificate.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Padding is often lost when a pin is copied.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The SHA-256 digest of a certificate's `SubjectPublicKeyInfo` (RFC 7469 2.4).
///
/// Its text is `sha256/BASE64`; curl's form `sha256//BASE64` is read as well. It stays the same
/// when a certificate is renewed with its old key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpkiPin([u8; 32]);

impl SpkiPin {
    /// The pin of this `SubjectPublicKeyInfo`, in DER.
    pub fn of(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinError(&'static str);

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PinError {}

impl FromStr for SpkiPin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let text = text.trim();
        let digest = text.strip_prefix("sha256/").ok_or(PinError(
            "a pin is sha256/ and the base64 of the digest of a public key",
        ))?;
        // A digest may itself begin with a slash, so the length decides.
        let octets = |text: &str| {
            let octets = BASE64.decode(text).ok()?;
            <[u8; 32]>::try_from(octets).ok()
        };
        let doubled = digest.strip_prefix('/').and_then(octets);
        doubled.or_else(|| octets(digest)).map(Self).ok_or(PinError(
            "what follows sha256/ is not the base64 of 32 bytes",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_both_forms_and_written_in_one() {
        // `openssl dgst -sha256 -binary` of the empty input.
        let empty = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let pin = SpkiPin::of(b"");
        assert_eq!(pin.to_string(), empty);
        for text in [
            empty,
            "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            " sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n",
        ] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        let slash = SpkiPin([0xff; 32]);
        assert!(slash.to_string().starts_with("sha256///"));
        assert_eq!(slash.to_string().parse(), Ok(slash));
        assert_eq!(
            slash.to_string().replace("256/", "256//").parse(),
            Ok(slash)
        );
    }

    #[test]
    fn what_is_no_pin_is_refused_with_its_form() {
        for (text, reason) in [
            ("", "a pin is sha256/"),
            ("sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "a pin is sha256/"),
            ("sha256/", "32 bytes"),
            ("sha256/AAAA", "32 bytes"),
            (
                "sha256/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
                "32 bytes",
            ),
        ] {
            let error = text.parse::<SpkiPin>().unwrap_err();
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }
}
