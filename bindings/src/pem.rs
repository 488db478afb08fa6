//! Reads certificates from PEM files, and says what is wrong with a file.
#![expect(clippy::disallowed_types, reason = "driver: certificate files")]

use crate::trust::TrustError;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject, SectionKind};
use std::fs::File;
use std::io::Read;
use std::path::Path;

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
    let text = read(path).map_err(failed)?;
    certificates(&text).map_err(failed)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
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
