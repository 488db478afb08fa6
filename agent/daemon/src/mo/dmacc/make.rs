//! Makes and removes accounts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use omadm_dm::acl::{Acl, is_identifier};
use omadm_dm::{Node, NodeWrite, Tree};
use omadm_syncml::{AuthScheme, Format, Now, Uri, Value};
use zeroize::Zeroizing;

use super::change::Shape;
use super::read::server_id;
use super::{APP_ID, AccountError, AccountPolicy, CLIENT, SERVER, change, obex, root};
use crate::control::wire::NewAccount;

/// The changes that make an account, and its policy.
///
/// The device's user name is `dev_id` and the server's its identifier, unless they are given.
pub fn add(
    tree: &Tree,
    new: &NewAccount,
    dev_id: &str,
    now: Now,
) -> Result<(Vec<NodeWrite>, AccountPolicy), AccountError> {
    let settings = new.settings.clone().unwrap_or_default();
    let mut policy = AccountPolicy::strict(&new.name);
    change::decide(&mut policy, &settings)?;
    let credentials = [
        credential(new, CLIENT, dev_id)?,
        credential(new, SERVER, &new.server_id)?,
    ];
    if !is_identifier(&new.server_id) {
        let reason = "the server identifier is empty or holds one of =&*+ or a blank";
        return Err(AccountError::invalid(&new.name, reason));
    }
    let addresses = addresses(new);
    change::bounded(&addresses).map_err(|reason| AccountError::invalid(&new.name, reason))?;
    let shape = Shape {
        addresses: &addresses,
        client: new.client_auth.is_some(),
        server: new.server_auth.is_some(),
        obex: obex::remains(&settings, false),
    };
    shape.check(&policy)?;
    let account = vacant(tree, new)?;
    let mut draft = Draft::new(now);
    draft
        .build(&account, new, credentials)
        .map_err(|error| AccountError::invalid(&new.name, error))?;
    let view = tree.view(omadm_dm::Snapshot::empty());
    change::nodes(&mut draft, &view, &account, &settings, dev_id)
        .map_err(|reason| AccountError::invalid(&new.name, reason))?;
    Ok((draft.checked(&new.name, tree)?, policy))
}

/// Where the server can be reached, in order.
fn addresses(new: &NewAccount) -> Vec<String> {
    let others = new.more_addresses.iter().flatten();
    std::iter::once(&new.address)
        .chain(others)
        .cloned()
        .collect()
}

/// The changes that remove an account, and its server from every ACL.
pub fn remove(tree: &Tree, name: &str) -> Result<Vec<NodeWrite>, AccountError> {
    let unknown = || AccountError::NotFound(name.to_owned());
    let account = root()
        .and_then(|root| root.join(name))
        .map_err(|_| unknown())?;
    let view = tree.view(omadm_dm::Snapshot::empty());
    view.node(&account).ok_or_else(unknown)?;
    let mut writes = match server_id(&view, &account) {
        Some(server) => tree.without_server(&server),
        None => Vec::new(),
    };
    // a node of the account itself must not come back by losing its server
    writes.retain(|write| match write {
        NodeWrite::Put { uri, .. } | NodeWrite::Delete { uri } => !uri.starts_with(&account),
    });
    writes.push(NodeWrite::Delete { uri: account });
    Ok(writes)
}

/// Whether a change is one of an account.
pub fn concerns(write: &NodeWrite) -> bool {
    let (NodeWrite::Put { uri, .. } | NodeWrite::Delete { uri }) = write;
    uri.segments().next() == Some("DMAcc")
}

/// The names of the accounts that changes of a server delete whole: [`remove`] has to follow.
pub fn deleted(writes: &[NodeWrite]) -> Vec<String> {
    let name = |write: &NodeWrite| match write {
        NodeWrite::Delete { uri } if uri.depth() == 2 && uri.segments().next() == Some("DMAcc") => {
            uri.name().map(str::to_owned)
        }
        NodeWrite::Delete { .. } | NodeWrite::Put { .. } => None,
    };
    writes.iter().filter_map(name).collect()
}

fn vacant(tree: &Tree, new: &NewAccount) -> Result<Uri, AccountError> {
    let place = root().and_then(|root| root.join(&new.name));
    let place = place.map_err(|error| AccountError::invalid(&new.name, error))?;
    let view = tree.view(omadm_dm::Snapshot::empty());
    if view.node(&place).is_some() {
        return Err(AccountError::Exists(format!(
            "there is an account {:?} already; remove it first: omadm account remove {}",
            new.name, new.name
        )));
    }
    let root = root().map_err(|error| AccountError::invalid(&new.name, error))?;
    let names = view
        .node(&root)
        .and_then(|node| node.children().ok())
        .unwrap_or_default();
    for other in &names {
        let id = root.join(other).ok().and_then(|uri| server_id(&view, &uri));
        if id.as_deref() == Some(new.server_id.as_str()) {
            return Err(AccountError::Exists(format!(
                "server {:?} has the account {other:?} already; ACLs could not tell two apart",
                new.server_id
            )));
        }
    }
    Ok(place)
}

/// What becomes `AppAuth/<X>`.
struct CredentialNodes {
    level: &'static str,
    scheme: AuthScheme,
    name: String,
    secret: Zeroizing<String>,
    nonce: Vec<u8>,
}

fn credential(
    new: &NewAccount,
    level: &'static str,
    default_name: &str,
) -> Result<Option<CredentialNodes>, AccountError> {
    let (whose, scheme, name, secret, nonce) = match level {
        CLIENT => (
            "client",
            &new.client_auth,
            &new.client_name,
            &new.client_secret,
            &new.client_nonce,
        ),
        _ => (
            "server",
            &new.server_auth,
            &new.server_name,
            &new.server_secret,
            &new.server_nonce,
        ),
    };
    let invalid = |reason: String| AccountError::invalid(&new.name, reason);
    let scheme = match scheme.as_deref() {
        None => return Ok(None),
        Some(word) => AuthScheme::from_word(word).ok_or_else(|| {
            invalid(format!(
                "{whose}_auth {word:?} is none of hmac, md5 and basic"
            ))
        })?,
    };
    let secret = secret.as_ref().filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| invalid(format!("{whose}_auth needs {whose}_secret")))?;
    let nonce = BASE64.decode(nonce.as_deref().unwrap_or_default());
    let nonce = nonce.map_err(|_| invalid(format!("{whose}_nonce is not base64")))?;
    Ok(Some(CredentialNodes {
        level,
        scheme,
        name: name.clone().unwrap_or_else(|| default_name.to_owned()),
        secret: secret.clone(),
        nonce,
    }))
}

/// The nodes of an account in the making.
pub(super) struct Draft {
    writes: Vec<NodeWrite>,
    now: Now,
}

impl Draft {
    pub(super) const fn new(now: Now) -> Self {
        let writes = Vec::new();
        Self { writes, now }
    }

    /// The changes, if the addresses of their nodes keep to the limits.
    pub(super) fn checked(self, name: &str, tree: &Tree) -> Result<Vec<NodeWrite>, AccountError> {
        for write in &self.writes {
            if let NodeWrite::Put { uri, .. } = write {
                uri.check(&tree.limits().uri)
                    .map_err(|error| AccountError::invalid(name, error))?;
            }
        }
        Ok(self.writes)
    }

    /// Whether the node is among what is written.
    pub(super) fn has(&self, wanted: &Uri) -> bool {
        let is = |write: &NodeWrite| matches!(write, NodeWrite::Put { uri, .. } if uri == wanted);
        self.writes.iter().any(is)
    }

    pub(super) fn delete(&mut self, uri: Uri) {
        self.writes.push(NodeWrite::Delete { uri });
    }

    fn build(
        &mut self,
        account: &Uri,
        new: &NewAccount,
        credentials: [Option<CredentialNodes>; 2],
    ) -> Result<(), omadm_syncml::UriError> {
        let server = &new.server_id;
        // OMA-TS-DM_StdObj 5.3.1: the server gets Get, Replace and Delete on its own account
        self.interior(
            account,
            &format!("Delete={server}&Get={server}&Replace={server}"),
        );
        self.leaf(account.join("AppID")?, APP_ID);
        self.leaf(account.join("ServerID")?, server);
        self.leaf(account.join("Name")?, &new.name);
        let place = account.join("AppAddr")?;
        self.interior(&place, "");
        self.addresses(&place, addresses(new).iter())?;
        let credentials: Vec<CredentialNodes> = credentials.into_iter().flatten().collect();
        let proofs = account.join("AppAuth")?;
        if let Some(first) = credentials.first() {
            self.leaf(account.join("AAuthPref")?, first.scheme.as_aauth_type());
            self.interior(&proofs, "");
        }
        for (at, credential) in credentials.into_iter().enumerate() {
            self.credential(&proofs.join(&(at + 1).to_string())?, credential)?;
        }
        let room = format!("Add={server}&Delete={server}&Get={server}&Replace={server}");
        self.interior(&account.join("Ext")?, &room);
        Ok(())
    }

    /// `AppAddr/1`, `AppAddr/2` … below `place`.
    pub(super) fn addresses<'a>(
        &mut self,
        place: &Uri,
        addresses: impl Iterator<Item = &'a String>,
    ) -> Result<(), omadm_syncml::UriError> {
        for (at, text) in addresses.enumerate() {
            let address = place.join(&(at + 1).to_string())?;
            self.interior(&address, "");
            self.leaf(address.join("Addr")?, text);
            self.leaf(address.join("AddrType")?, "URI");
        }
        Ok(())
    }

    fn credential(
        &mut self,
        at: &Uri,
        credential: CredentialNodes,
    ) -> Result<(), omadm_syncml::UriError> {
        self.interior(at, "");
        self.leaf(at.join("AAuthLevel")?, credential.level);
        self.leaf(at.join("AAuthType")?, credential.scheme.as_aauth_type());
        self.leaf(at.join("AAuthName")?, &credential.name);
        self.leaf(at.join("AAuthSecret")?, &credential.secret);
        let nonce = Value::Inline(Bytes::from(credential.nonce));
        self.put(at.join("AAuthData")?, Node::leaf(Format::Bin, nonce));
        Ok(())
    }

    pub(super) fn interior(&mut self, uri: &Uri, acl: &str) {
        let mut node = Node::interior();
        // the identifier has been checked, so the list reads back
        node.acl = Acl::parse(acl).unwrap_or(Acl::INHERITED);
        self.put(uri.clone(), node);
    }

    pub(super) fn leaf(&mut self, uri: Uri, text: &str) {
        self.put(uri, Node::leaf(Format::Chr, Value::from(text)));
    }

    fn put(&mut self, uri: Uri, mut node: Node) {
        node.tstamp = self.now.wall;
        self.writes.push(NodeWrite::Put { uri, node });
    }
}
