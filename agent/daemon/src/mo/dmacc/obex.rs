//! The credential of `AAuthLevel` OBEX, by which a server proves itself on a line that the device
//! waits on.

use omadm_dm::View;
use omadm_syncml::{Secret, Uri, UriError};

use super::make::Draft;
use super::read;
use super::{OBEX, TRANSPORT};
use crate::control::wire::AccountSettings;

/// The longest user name that an OBEX digest can carry (OBEX 1.5, 4.2).
const LONGEST_USER: usize = 20;

/// Whether an account has a credential for OBEX once the settings are taken over.
pub(super) fn remains(settings: &AccountSettings, before: bool) -> bool {
    let given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    match (&settings.obex_name, &settings.obex_secret) {
        (_, Some(secret)) if given(Some(secret)) => true,
        (Some(name), _) if name.is_empty() => false,
        _ => before,
    }
}

/// Writes the credential anew, as far as the settings speak of it.
pub(super) fn change(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    settings: &AccountSettings,
) -> Result<(), String> {
    if settings.obex_name.is_none() && settings.obex_secret.is_none() {
        return Ok(());
    }
    let old = read::obex(view, account);
    for uri in read::of_level(view, account, OBEX) {
        draft.delete(uri);
    }
    if !remains(settings, old.is_some()) && settings.obex_name.as_deref() == Some("") {
        return Ok(());
    }
    let old_user = old.as_ref().map(|old| old.user.clone());
    let user = settings.obex_name.clone().or(old_user).unwrap_or_default();
    if user.len() > LONGEST_USER {
        return Err(format!(
            "the name {user:?} is longer than {LONGEST_USER} octets, which is all that OBEX can \
             carry: give another (--obex-name)"
        ));
    }
    let given = settings.obex_secret.as_ref();
    let given = given.filter(|secret| !secret.is_empty());
    let secret = given.map(|text| Secret::from_text(text));
    let secret = secret.or(old.map(|old| old.secret));
    let secret = secret.ok_or("the OBEX credential needs its secret (--obex-secret-file)")?;
    write(draft, view, account, &user, &secret).map_err(|error| error.to_string())
}

fn write(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    user: &str,
    secret: &Secret,
) -> Result<(), UriError> {
    let proofs = account.join("AppAuth")?;
    if view.node(&proofs).is_none() && !draft.has(&proofs) {
        draft.interior(&proofs, "");
    }
    let at = proofs.join("OBEX")?;
    draft.interior(&at, "");
    draft.leaf(at.join("AAuthLevel")?, OBEX);
    draft.leaf(at.join("AAuthType")?, TRANSPORT);
    draft.leaf(at.join("AAuthName")?, user);
    draft.leaf(
        at.join("AAuthSecret")?,
        &String::from_utf8_lossy(secret.expose()),
    );
    Ok(())
}
