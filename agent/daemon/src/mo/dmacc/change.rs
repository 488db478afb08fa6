//! Changes an account that is there, and holds one that is made to the same rules.

use omadm_bindings::{Address, HttpAuthScheme};
use omadm_dm::{NodeWrite, Snapshot, Tree, View};
use omadm_syncml::{AcceptedProof, Now, Secret, Uri, UriError};

use super::make::Draft;
use super::obex;
use super::policy::present;
use super::read::{self, ADDRESSES, Configured};
use super::{AccountError, AccountPolicy, CLIENT, HTTP, Rule, SERVER, aauth_type, root};
use crate::control::wire::{AccountSettings, SetAccount};

/// The longest connectivity reference.
const REFERENCE: usize = 255;

/// The changes of the tree that are asked for, and the account's new policy.
pub fn set(
    tree: &Tree,
    old: &AccountPolicy,
    asked: &SetAccount,
    dev_id: &str,
    now: Now,
) -> Result<(Vec<NodeWrite>, AccountPolicy), AccountError> {
    let (name, settings) = (&old.name, &asked.settings);
    let unknown = || AccountError::NotFound(name.clone());
    let account = root().and_then(|root| root.join(name));
    let account = account.map_err(|_| unknown())?;
    let view = tree.view(Snapshot::empty());
    view.node(&account).ok_or_else(unknown)?;
    let mut policy = old.clone();
    decide(&mut policy, settings)?;
    let mut draft = Draft::new(now);
    nodes(&mut draft, &view, &account, settings, dev_id)
        .map_err(|reason| AccountError::invalid(name, reason))?;
    if let Some(new) = &asked.addresses {
        addresses(&mut draft, &view, &account, new)
            .map_err(|reason| AccountError::invalid(name, reason))?;
    }
    for (level, secret) in [
        (CLIENT, &asked.client_secret),
        (SERVER, &asked.server_secret),
    ] {
        if let Some(secret) = secret {
            renew(&mut draft, &view, &account, level, secret)
                .map_err(|reason| AccountError::invalid(name, reason))?;
        }
    }
    // An account that cannot be used for another reason must stay changeable.
    let mut accounts = read::accounts(tree, std::slice::from_ref(old)).into_iter();
    let own = accounts.find_map(|found| found.ok().filter(|found| found.account.name == *name));
    if let Some(Configured {
        account,
        addresses,
        obex,
        ..
    }) = own
    {
        let shape = Shape {
            addresses: asked.addresses.as_ref().unwrap_or(&addresses),
            client: account.client.is_some(),
            server: account.server.is_some(),
            obex: obex::remains(settings, obex.is_some()),
        };
        shape.check(&policy)?;
    }
    Ok((draft.checked(name, tree)?, policy))
}

/// Other addresses in place of those that are there.
fn addresses(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    new: &[String],
) -> Result<(), String> {
    bounded(new)?;
    let place = account.join("AppAddr").map_err(|error| error.to_string())?;
    let names = view.node(&place).and_then(|node| node.children().ok());
    for name in &names.unwrap_or_default() {
        draft.delete(place.join(name).map_err(|error| error.to_string())?);
    }
    let written = draft.addresses(&place, new.iter());
    written.map_err(|error| error.to_string())
}

/// No more addresses than are tried, and at least one.
pub(super) fn bounded(addresses: &[String]) -> Result<(), String> {
    if (1..=ADDRESSES).contains(&addresses.len()) {
        return Ok(());
    }
    Err(format!(
        "{} addresses: an account has 1 to {ADDRESSES}",
        addresses.len()
    ))
}

/// A new secret for every credential of a level: which of them is used is the other end's choice.
fn renew(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    level: &str,
    secret: &str,
) -> Result<(), String> {
    if secret.is_empty() {
        return Err(format!("the secret of {level} is empty"));
    }
    let credentials = read::of_level(view, account, level);
    if credentials.is_empty() {
        return Err(format!(
            "there is no credential of {level} to give a secret"
        ));
    }
    for credential in credentials {
        let leaf = credential.join("AAuthSecret");
        draft.leaf(leaf.map_err(|error| error.to_string())?, secret);
    }
    Ok(())
}

/// Takes the settings over into the policy.
pub(super) fn decide(
    policy: &mut AccountPolicy,
    settings: &AccountSettings,
) -> Result<(), AccountError> {
    let name = policy.name.clone();
    policy
        .change(settings)
        .map_err(|reason| AccountError::invalid(&name, reason))?;
    if let (Some(references), None) = (&settings.connect, &settings.default_route) {
        // Kept as a decision of its own: the server may replace the references, and must not
        // reach the default route by emptying them.
        policy.default_route = match references.as_slice() {
            [] => None,
            _ => policy.default_route.or(Some(Rule::Deny)),
        };
    }
    Ok(())
}

/// The nodes that the settings replace.
pub(super) fn nodes(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    settings: &AccountSettings,
    dev_id: &str,
) -> Result<(), String> {
    if let Some(references) = &settings.connect {
        let sound = |text: &&String| {
            (1..=REFERENCE).contains(&text.len()) && !text.contains(char::is_control)
        };
        if let Some(bad) = references.iter().find(|text| !sound(text)) {
            return Err(format!("{bad:?} is no connectivity reference"));
        }
        connect(draft, view, account, references).map_err(|error| error.to_string())?;
    }
    obex::change(draft, view, account, settings)?;
    http(draft, view, account, settings, dev_id)
}

/// `PrefConRef` and `ToConRef`.
fn connect(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    references: &[String],
) -> Result<(), UriError> {
    let (preferred, others) = (account.join("PrefConRef")?, account.join("ToConRef")?);
    for old in [&preferred, &others] {
        if view.node(old).is_some() {
            draft.delete(old.clone());
        }
    }
    let Some((first, rest)) = references.split_first() else {
        return Ok(());
    };
    draft.leaf(preferred, first);
    if !rest.is_empty() {
        draft.interior(&others, "");
    }
    for (at, reference) in rest.iter().enumerate() {
        let one = others.join(&(at + 1).to_string())?;
        draft.interior(&one, "");
        draft.leaf(one.join("ConRef")?, reference);
    }
    Ok(())
}

/// The credential of `AAuthLevel` HTTP.
fn http(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    settings: &AccountSettings,
    dev_id: &str,
) -> Result<(), String> {
    let (scheme, name, secret) = (
        &settings.http_auth,
        &settings.http_name,
        &settings.http_secret,
    );
    if scheme.is_none() && name.is_none() && secret.is_none() {
        return Ok(());
    }
    let old = read::http(view, account);
    for uri in read::of_level(view, account, HTTP) {
        draft.delete(uri);
    }
    let scheme: Option<HttpAuthScheme> = match scheme.as_deref() {
        Some("") => return Ok(()),
        Some(word) => Some(
            word.parse()
                .map_err(|error| format!("http_auth: {error}"))?,
        ),
        None => old.as_ref().map(|old| old.scheme),
    };
    let scheme = scheme.ok_or("the HTTP credential needs its scheme (--http-auth)")?;
    let user = match (name, &old) {
        (Some(name), _) => present(name),
        (None, Some(old)) => Some(old.user.clone()),
        (None, None) => None,
    };
    let user = user.unwrap_or_else(|| dev_id.to_owned());
    if user.contains(':') && scheme == HttpAuthScheme::Basic {
        return Err(format!(
            "the name {user:?} has a colon, which HTTP Basic cannot carry: give another (--http-name)"
        ));
    }
    let given = secret.as_ref().filter(|secret| !secret.is_empty());
    let secret = given.map(|text| Secret::from_text(text));
    let secret = secret.or(old.map(|old| old.secret));
    let secret = secret.ok_or("the HTTP credential needs its secret (--http-secret-file)")?;
    write_http(draft, view, account, (scheme, &user, &secret)).map_err(|error| error.to_string())
}

fn write_http(
    draft: &mut Draft,
    view: &View<'_>,
    account: &Uri,
    (scheme, user, secret): (HttpAuthScheme, &str, &Secret),
) -> Result<(), UriError> {
    let proofs = account.join("AppAuth")?;
    if view.node(&proofs).is_none() && !draft.has(&proofs) {
        draft.interior(&proofs, "");
    }
    let at = proofs.join("HTTP")?;
    draft.interior(&at, "");
    draft.leaf(at.join("AAuthLevel")?, HTTP);
    draft.leaf(at.join("AAuthType")?, aauth_type(scheme));
    draft.leaf(at.join("AAuthName")?, user);
    let text = String::from_utf8_lossy(secret.expose());
    draft.leaf(at.join("AAuthSecret")?, &text);
    Ok(())
}

/// What decides whether an account can work.
pub(super) struct Shape<'a> {
    pub(super) addresses: &'a [String],
    /// The device has SyncML credentials.
    pub(super) client: bool,
    /// The server has SyncML credentials.
    pub(super) server: bool,
    /// The server has a credential for OBEX.
    pub(super) obex: bool,
}

impl Shape<'_> {
    /// Says what would make an account that never works, or that anyone could use.
    pub(super) fn check(&self, policy: &AccountPolicy) -> Result<(), AccountError> {
        let name = &policy.name;
        let reason = policy.contradiction().or_else(|| self.unprovable(policy));
        if let Some(reason) = reason {
            return Err(AccountError::invalid(name, reason));
        }
        for address in self.addresses {
            let read: Result<Address, _> = address.parse();
            let address = read.map_err(|error| AccountError::invalid(name, error))?;
            if let Some(reason) = self.fault(address.scheme(), policy) {
                return Err(AccountError::invalid(name, reason));
            }
        }
        Ok(())
    }

    /// What is accepted that can never be proven.
    fn unprovable(&self, policy: &AccountPolicy) -> Option<&'static str> {
        let accepts = |proof| policy.accepts.contains(&proof);
        if accepts(AcceptedProof::ObexDigest) && !self.obex {
            return Some(
                "obex-digest is accepted, but the server has no secret for OBEX (--obex-secret-file)",
            );
        }
        let has_peer = !policy.bluetooth_peers.is_empty();
        (accepts(AcceptedProof::BondedLink) && !has_peer).then_some(
            "bonded-link is accepted, but the account lists no Bluetooth peer (--bluetooth-peer)",
        )
    }

    fn fault(&self, scheme: &str, policy: &AccountPolicy) -> Option<&'static str> {
        let (plain, tls) = (scheme == "http", scheme == "https");
        if plain && !policy.allows_http {
            return Some(
                "plain http has to be allowed (--allow-http): anyone on the path can read and change it",
            );
        }
        let stands_in = |proof: &AcceptedProof| match proof {
            AcceptedProof::ObexDigest => !tls && !plain,
            AcceptedProof::BondedLink => scheme == "bt+obex",
            _ => tls,
        };
        if !self.server && !policy.accepts.iter().any(stands_in) {
            return Some(if plain || tls {
                "nothing would prove the server: give it credentials, or accept a proof of TLS (--accept) at an https address"
            } else {
                "nothing would prove the server on this line: give it credentials, or a secret for OBEX (--obex-secret-file) and accept it (--accept obex-digest)"
            });
        }
        if !self.client && !tls {
            return Some("nothing would prove the device to the server: give it credentials");
        }
        None
    }
}
