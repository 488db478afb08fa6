//! Reads accounts out of the tree.

use omadm_bindings::HttpCredential;
use omadm_bindings::obex::ObexCredential;
use omadm_dm::{Account, Credential, Snapshot, Tree, View};
use omadm_syncml::{AuthScheme, NonceForm, Secret, Uri, UriError, Value};

use super::{APP_ID, AccountError, AccountPolicy, CLIENT, HTTP, OBEX, SERVER, http_scheme, root};

/// An account that sessions can be held with.
#[derive(Debug, Clone)]
pub struct Configured {
    /// What a session needs; its address is the first of [`addresses`](Self::addresses).
    pub account: Account,
    /// Where the server can be reached, to be tried in order.
    pub addresses: Vec<String>,
    /// `PrefConRef` and `ToConRef`: the links that lead there, to be tried in order.
    pub references: Vec<String>,
    /// How the device proves itself in HTTP.
    pub http: Option<HttpCredential>,
    /// How its server proves itself in OBEX.
    pub obex: Option<ObexCredential>,
    /// What the owner has decided.
    pub policy: AccountPolicy,
}

/// Every account of the tree, or why it cannot be used. An account without a policy of its own
/// has the strictest one.
pub fn accounts(tree: &Tree, policies: &[AccountPolicy]) -> Vec<Result<Configured, AccountError>> {
    let view = tree.view(Snapshot::empty());
    let Ok(root) = root() else {
        return Vec::new();
    };
    children(&view, &root)
        .into_iter()
        .map(|(name, uri)| {
            let policy = policies.iter().find(|policy| policy.name == name);
            let policy = policy
                .cloned()
                .unwrap_or_else(|| AccountPolicy::strict(&name));
            configured(&view, &name, &uri, policy)
        })
        .collect()
}

/// `ServerID` of an account.
pub(super) fn server_id(view: &View<'_>, account: &Uri) -> Option<String> {
    text(view, account, "ServerID").filter(|id| !id.is_empty())
}

fn configured(
    view: &View<'_>,
    name: &str,
    uri: &Uri,
    policy: AccountPolicy,
) -> Result<Configured, AccountError> {
    let invalid = |reason: &str| AccountError::invalid(name, reason);
    if text(view, uri, "AppID").as_deref() != Some(APP_ID) {
        return Err(invalid("AppID is not w7"));
    }
    let server = server_id(view, uri).ok_or_else(|| invalid("ServerID is missing or empty"))?;
    let addresses = addresses(view, uri);
    let address = addresses
        .first()
        .ok_or_else(|| invalid("AppAddr has no address"))?;
    let mut account = Account::new(name, &server, address);
    account.client = credential(view, uri, CLIENT).map_err(|reason| invalid(&reason))?;
    account.server = credential(view, uri, SERVER).map_err(|reason| invalid(&reason))?;
    if let Some(credential) = account
        .server
        .as_mut()
        .filter(|credential| credential.name.is_empty())
    {
        credential.name = server;
    }
    account.accepts.clone_from(&policy.accepts);
    account.media_type = policy.encoding.media_type();
    account.nonce_form = if policy.nonce_text {
        NonceForm::Text
    } else {
        NonceForm::Decoded
    };
    Ok(Configured {
        account,
        addresses,
        references: references(view, uri),
        http: http(view, uri),
        obex: obex(view, uri),
        policy,
    })
}

/// How many references are tried, for the same reason as [`ADDRESSES`].
const REFERENCES: usize = 8;

/// The connectivity references, the preferred one first, each once.
pub(super) fn references(view: &View<'_>, account: &Uri) -> Vec<String> {
    let others = account.join("ToConRef").map(|root| children(view, &root));
    let others = others.unwrap_or_default().into_iter();
    let others = others.filter_map(|(_, uri)| text(view, &uri, "ConRef"));
    let mut found: Vec<String> = Vec::new();
    for reference in text(view, account, "PrefConRef").into_iter().chain(others) {
        if !reference.is_empty() && !found.contains(&reference) && found.len() < REFERENCES {
            found.push(reference);
        }
    }
    found
}

/// The first credential for HTTP that is whole.
pub(super) fn http(view: &View<'_>, account: &Uri) -> Option<HttpCredential> {
    let all = of_level(view, account, HTTP).into_iter();
    all.into_iter().find_map(|uri| {
        let scheme = http_scheme(&text(view, &uri, "AAuthType")?)?;
        let secret = value(view, &uri, "AAuthSecret")?;
        let secret = Secret::new(secret.as_bytes()?.to_vec());
        let user = text(view, &uri, "AAuthName").unwrap_or_default();
        (!secret.expose().is_empty()).then_some(HttpCredential {
            scheme,
            user,
            secret,
        })
    })
}

/// The first credential for OBEX that is whole. `AAuthType` does not matter: OBEX knows one kind.
pub(super) fn obex(view: &View<'_>, account: &Uri) -> Option<ObexCredential> {
    let all = of_level(view, account, OBEX).into_iter();
    all.into_iter().find_map(|uri| {
        let secret = value(view, &uri, "AAuthSecret")?;
        let secret = Secret::new(secret.as_bytes()?.to_vec());
        let user = text(view, &uri, "AAuthName").unwrap_or_default();
        (!secret.expose().is_empty()).then_some(ObexCredential { user, secret })
    })
}

/// The credentials of an `AAuthLevel`.
pub(super) fn of_level(view: &View<'_>, account: &Uri, level: &str) -> Vec<Uri> {
    let proofs = account.join("AppAuth").map(|root| children(view, &root));
    let all = proofs.unwrap_or_default().into_iter().map(|(_, uri)| uri);
    all.filter(|uri| text(view, uri, "AAuthLevel").as_deref() == Some(level))
        .collect()
}

/// The credential of a level, the preferred scheme first. One of a scheme that this program
/// does not have is passed over, and so is one without a secret, which would let in whoever
/// knows its name; that all are is an error.
fn credential(view: &View<'_>, account: &Uri, level: &str) -> Result<Option<Credential>, String> {
    let preferred = text(view, account, "AAuthPref").unwrap_or_default();
    let mut found: Option<Credential> = None;
    let mut unusable = None;
    for uri in of_level(view, account, level) {
        let type_ = text(view, &uri, "AAuthType").unwrap_or_default();
        let Some(scheme) = AuthScheme::from_aauth_type(&type_) else {
            unusable = Some(format!(
                "AAuthType {type_:?} of {level} is not supported: use DIGEST, HMAC or BASIC"
            ));
            continue;
        };
        let made = made(view, &uri, scheme).map_err(|error| error.to_string())?;
        if made.secret.expose().is_empty() {
            unusable = Some(format!("AAuthSecret of {level} is missing or empty"));
            continue;
        }
        let better = AuthScheme::from_aauth_type(&preferred) == Some(scheme);
        if found.is_none() || better {
            found = Some(made);
        }
    }
    match (found, unusable) {
        (None, Some(reason)) => Err(reason),
        (found, _) => Ok(found),
    }
}

fn made(view: &View<'_>, uri: &Uri, scheme: AuthScheme) -> Result<Credential, UriError> {
    let nonce_uri = uri.join("AAuthData")?;
    let octets = |name| {
        value(view, uri, name).and_then(|value| value.as_bytes().map(|octets| octets.to_vec()))
    };
    Ok(Credential {
        scheme,
        name: text(view, uri, "AAuthName").unwrap_or_default(),
        secret: Secret::new(octets("AAuthSecret").unwrap_or_default()),
        nonce: octets("AAuthData").unwrap_or_default(),
        nonce_uri: Some(nonce_uri),
    })
}

/// How many addresses are tried. One session runs at a time, so that a server which lists its
/// addresses without end would keep all others waiting.
pub(super) const ADDRESSES: usize = 8;

/// The first addresses in the order of their nodes' names.
fn addresses(view: &View<'_>, account: &Uri) -> Vec<String> {
    let Ok(root) = account.join("AppAddr") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (_, uri) in children(view, &root) {
        let Some(addr) = text(view, &uri, "Addr").filter(|addr| !addr.is_empty()) else {
            continue;
        };
        let type_ = text(view, &uri, "AddrType").unwrap_or_default();
        let whole = match type_.as_str() {
            "IPv4" => format!("http://{addr}/"),
            "IPv6" => format!("http://[{addr}]/"),
            _ => addr,
        };
        let ports = uri
            .join("Port")
            .map(|ports| children(view, &ports))
            .unwrap_or_default();
        let ports = ports
            .into_iter()
            .filter_map(|(_, port)| text(view, &port, "PortNbr")?.parse::<u16>().ok());
        let with_port = |port| match whole.parse::<omadm_bindings::Address>() {
            Ok(address) => address.with_port(port).to_string(),
            Err(_) => whole.clone(),
        };
        let before = found.len();
        found.extend(ports.map(with_port));
        if found.len() == before {
            found.push(whole);
        }
        if found.len() >= ADDRESSES {
            break;
        }
    }
    found.truncate(ADDRESSES);
    found
}

/// The children with their names, numbers by their value.
fn children(view: &View<'_>, uri: &Uri) -> Vec<(String, Uri)> {
    let names = view
        .node(uri)
        .and_then(|node| node.children().ok())
        .unwrap_or_default();
    let mut found: Vec<(String, Uri)> = names
        .iter()
        .filter_map(|name| Some((name.to_string(), uri.join(name).ok()?)))
        .collect();
    found.sort_by_cached_key(|(name, _)| (name.parse::<u32>().unwrap_or(u32::MAX), name.clone()));
    found
}

fn text(view: &View<'_>, parent: &Uri, name: &str) -> Option<String> {
    value(view, parent, name)?.as_text().map(str::to_owned)
}

fn value(view: &View<'_>, parent: &Uri, name: &str) -> Option<Value> {
    view.node(&parent.join(name).ok()?)?.value().ok()
}
