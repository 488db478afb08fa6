//! What is proven in OBEX: names and secrets from files.

use super::arguments::{Common, DeviceSettings, ObexProof};
use super::{device, print, read_text};
use crate::error::Error;
use crate::store::Store;
use omadm_bindings::obex::ObexCredential;
use omadm_syncml::Secret;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// The longest name that a response of OBEX carries whole (OBEX 1.5, 4.3).
const LONGEST_NAME: usize = 20;

/// `omadm-server device set`.
pub(super) fn set(
    common: &Common,
    settings: &DeviceSettings,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut store = Store::open_existing(&common.db)?;
    let id = &settings.id;
    if !store.has_device(id)? {
        return Err(device::unknown(id));
    }
    let proof = proof(&settings.obex)?;
    store.set_obex_credential(id, proof.as_ref())?;
    if common.json {
        let obex = proof.as_ref().map(|proof| &proof.user);
        return print::json(out, &json!({ "id": id, "obex": obex }));
    }
    let text = match proof {
        Some(_) => "proves itself in OBEX",
        None => "proves nothing of its own in OBEX",
    };
    print::line(out, &format!("{} {text}", print::harmless(id)))
}

/// The credential that the command line gives for one device.
pub(super) fn proof(given: &ObexProof) -> Result<Option<ObexCredential>, Error> {
    let Some(file) = &given.obex_secret_file else {
        return Ok(None);
    };
    let user = given.obex_name.clone().unwrap_or_default();
    let secret = Zeroizing::new(device::first_line(file)?);
    credential(user, &secret).map(Some)
}

/// The credential in a file: a name, and a secret on the next line.
pub(super) fn file(path: &Path) -> Result<ObexCredential, Error> {
    let text = Zeroizing::new(read_text(path)?);
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(user), Some(secret)) if !secret.is_empty() => credential(user.to_owned(), secret),
        _ => Err(Error::Data(format!(
            "{} has no name on its first line and secret on its second",
            path.display()
        ))),
    }
}

fn credential(user: String, secret: &str) -> Result<ObexCredential, Error> {
    if user.len() > LONGEST_NAME {
        return Err(Error::Usage(format!(
            "a name in OBEX has at most {LONGEST_NAME} bytes, {user} has more"
        )));
    }
    Ok(ObexCredential {
        user,
        secret: Secret::from_text(secret),
    })
}
