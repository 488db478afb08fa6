//! Reads certificates and keys from PEM files, and says what is wrong with a file.
#![expect(clippy::disallowed_types, reason = "driver: certificate files")]

use crate::trust::TrustError;

use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The bundle of a whole distribution has a quarter of this.
const MAX_FILE: u64 = 1 << 20;

/// All certificates of a PEM file, in its order; at least one.
///
/// Other sections are skipped, such as the key that often shares a file with its certificate.
pub fn load_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let failed = |reason| TrustError::File {
        path: path.to_owned(),
        reason,
    };
    let text = open(path).and_then(read).map_err(failed)?;
    certificates(&text).map_err(failed)
}

/// The private key of a PEM file that nobody but its owner may read.
pub(crate) fn load_private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TrustError> {
    let failed = |reason| TrustError::File {
        path: path.to_owned(),
        reason,
    };
    let file = open(path).map_err(failed)?;
    check_private(&file, path).map_err(failed)?;
    let text = Zeroizing::new(read(file).map_err(failed)?);
    private_key(&text).map_err(failed)
}

fn check_private(file: &File, path: &Path) -> Result<(), String> {
    let mode = file.metadata().map_err(|e| e.to_string())?.mode() & 0o777;
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    Err(format!(
        "others may read this key (mode {mode:04o}): chmod 600 {}",
        path.display()
    ))
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound if has(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
            "the key is encrypted, and nobody is there to ask for its passphrase: write it \
             without one (openssl pkey -in FILE -out FILE.plain)"
                .to_owned()
        }
        pem::Error::NoItemsFound => {
            "no private key in it: -----BEGIN PRIVATE KEY----- is missing".to_owned()
        }
        other => pem_reason(&other),
    })
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| error.to_string())
}

fn read(file: File) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("larger than {MAX_FILE} bytes"));
    }
    Ok(text)
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    // X.690 8.9.1: every certificate in DER is a SEQUENCE.
    if text.first() == Some(&0x30) {
        return Err(
            "this is DER; PEM is needed (openssl x509 -inform der -in FILE -out FILE.pem)"
                .to_owned(),
        );
    }
    let mut found = Vec::new();
    let mut others = 0;
    for (index, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(text).enumerate() {
        match section {
            Ok((SectionKind::Certificate, der)) => found.push(CertificateDer::from(der)),
            Ok(_) => others += 1,
            Err(error) => return Err(format!("section {}: {}", index + 1, pem_reason(&error))),
        }
    }
    if found.is_empty() {
        return Err(match others {
            0 => "no certificate in it: -----BEGIN CERTIFICATE----- is missing".to_owned(),
            _ => "it holds keys or other things, but no certificate".to_owned(),
        });
    }
    Ok(found)
}

fn pem_reason(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its END line is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "its BEGIN line is damaged".to_owned(),
        pem::Error::Base64Decode(_) => "its base64 is damaged".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::PermissionsExt;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";

    #[test]
    fn certificates_are_found_among_other_sections() {
        let text = format!("subject=x\n{CERTIFICATE}{KEY}\n{CERTIFICATE}");
        let found = certificates(text.as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].as_ref(), [0x30, 0x00]);
    }

    #[test]
    fn a_bad_file_is_named_with_what_is_wrong() {
        let cut = CERTIFICATE.split_at(40).0;
        let damaged = CERTIFICATE.replace("MAA=", "M*A=");
        let cases: &[(&[u8], &str)] = &[
            (b"", "BEGIN CERTIFICATE----- is missing"),
            (b"hello", "BEGIN CERTIFICATE----- is missing"),
            (&[0x30, 0x82, 0x01], "this is DER"),
            (KEY.as_bytes(), "no certificate"),
            (cut.as_bytes(), "section 1: its END line is missing"),
            (damaged.as_bytes(), "section 1: its base64 is damaged"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for (text, reason) in cases {
            std::io::Write::write_all(&mut File::create(&path).unwrap(), text).unwrap();
            let error = load_certificates(&path).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()), "{error}");
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::io::Write::write_all(&mut File::create(&path).unwrap(), KEY.as_bytes()).unwrap();
        for (mode, refused) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o604, true),
            (0o610, true),
        ] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            let result = load_private_key(&path);
            assert_eq!(result.is_err(), refused, "{mode:o}");
            if let Err(error) = result {
                let text = error.to_string();
                let mend = format!("(mode {mode:04o}): chmod 600 {}", path.display());
                assert!(text.ends_with(&mend), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        let encrypted = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
        for (text, reason) in [
            (CERTIFICATE, "no private key in it"),
            ("", "no private key in it"),
            (&encrypted, "the key is encrypted"),
            (&KEY.replace("MAA=", "M*A="), "its base64 is damaged"),
        ] {
            let error = private_key(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.pem");
        let error = load_certificates(&missing).unwrap_err().to_string();
        assert!(error.contains("none.pem: No such file"), "{error}");
        let error = load_certificates(folder.path()).unwrap_err().to_string();
        assert!(error.contains("directory"), "{error}");
        let error = load_certificates(Path::new("/dev/zero"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("larger than"), "{error}");
    }
}
