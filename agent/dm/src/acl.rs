//! Access control lists: who may do what with a node (OMA-TS-DM_TND 7.7.1).

use omadm_syncml::StatusCode;
use std::fmt;
use std::sync::Arc;

/// A command that an ACL grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Add a child.
    Add,
    /// Delete the node with its subtree.
    Delete,
    /// Exec the node.
    Exec,
    /// Read the node, its properties and the names of its children.
    Get,
    /// Change the value, the name and the title; on a parent also the ACL of its children.
    Replace,
}

impl Right {
    /// Every right, in the order in which an [`Acl`] prints them.
    pub const ALL: [Self; 5] = [
        Self::Add,
        Self::Delete,
        Self::Exec,
        Self::Get,
        Self::Replace,
    ];

    /// The name as an ACL writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Delete => "Delete",
            Self::Exec => "Exec",
            Self::Get => "Get",
            Self::Replace => "Replace",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == text)
    }
}

/// The `ACL` property of one node; an empty one means that the parent's holds.
///
/// Cheap to clone. Prints in one canonical order, with repeated commands merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl(Option<Arc<[Entry]>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    right: Right,
    servers: Servers,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Servers {
    /// `*`, which overrides every identifier beside it.
    Every,
    /// Sorted, without duplicates, never empty.
    Listed(Vec<Arc<str>>),
}

/// Why a text is no ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclError {
    /// An entry is not `Command=identifiers`.
    Entry(String),
    /// The command of an entry is none that an ACL knows.
    Command(String),
    /// A server identifier is empty or holds a character that an ACL cannot carry.
    Identifier(String),
}

impl From<AclError> for StatusCode {
    /// The specification names no status for it; 415 is the one in Replace's list that says "the value is not of this kind".
    fn from(_: AclError) -> Self {
        Self::UNSUPPORTED_FORMAT
    }
}

impl fmt::Display for AclError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(text) => write!(f, "ACL entry {text:?} is not \"Command=server+server\""),
            Self::Command(text) => {
                write!(
                    f,
                    "ACL command {text:?} is none of Add, Delete, Exec, Get, Replace"
                )
            }
            Self::Identifier(text) => write!(
                f,
                "server identifier {text:?} is empty or holds one of \"=&*+\" or white space"
            ),
        }
    }
}

impl std::error::Error for AclError {}

impl Acl {
    /// The empty ACL: the parent's holds.
    pub const INHERITED: Self = Self(None);

    /// Reads the value of an `ACL` property; an empty text is the empty ACL.
    pub fn parse(text: &str) -> Result<Self, AclError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::INHERITED);
        }
        let mut entries = Vec::new();
        for part in text.split('&') {
            let (command, ids) = part
                .split_once('=')
                .ok_or_else(|| AclError::Entry(part.to_owned()))?;
            let right =
                Right::parse(command).ok_or_else(|| AclError::Command(command.to_owned()))?;
            grant(&mut entries, right, Servers::parse(ids)?);
        }
        Ok(Self::from_entries(entries))
    }

    /// The ACL that an unconfigured root has: everyone may Add and Get.
    pub fn factory_root() -> Self {
        Self::granting(&[Right::Add, Right::Get], &Servers::Every)
    }

    /// The ACL of a new interior node whose creator has no Replace right on the parent.
    ///
    /// The specification lists Add, Delete and Replace. Get is granted too: the list ends
    /// inheritance, so that without it nobody could read the node, and the creator can grant
    /// itself Get by Replace anyway.
    pub fn for_creator(server: &str) -> Self {
        if !is_identifier(server) {
            return Self::INHERITED;
        }
        let rights = [Right::Add, Right::Delete, Right::Get, Right::Replace];
        Self::granting(&rights, &Servers::Listed(vec![Arc::from(server)]))
    }

    /// Whether this is the empty ACL.
    pub fn is_inherited(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this list, taken by itself, grants `right` to `server`.
    pub fn grants(&self, right: Right, server: &str) -> bool {
        self.entries()
            .iter()
            .any(|entry| entry.right == right && entry.servers.contains(server))
    }

    /// Whether the list names `server`.
    pub fn names(&self, server: &str) -> bool {
        self.entries()
            .iter()
            .any(|entry| entry.servers.lists(server))
    }

    /// The list after the account of `server` is gone; a command left without servers goes too.
    #[must_use]
    pub fn without(&self, server: &str) -> Self {
        let mut entries = self.entries().to_vec();
        entries.retain_mut(|entry| entry.servers.remove(server));
        Self::from_entries(entries)
    }

    /// [`without`](Self::without) for the root, whose emptied commands fall back to the factory's.
    #[must_use]
    pub(crate) fn root_without(&self, server: &str) -> Self {
        let kept = self.without(server);
        let mut entries = kept.entries().to_vec();
        for factory in Self::factory_root().entries() {
            let had = self
                .entries()
                .iter()
                .any(|entry| entry.right == factory.right);
            let has = entries.iter().any(|entry| entry.right == factory.right);
            if (had && !has) || kept.is_inherited() {
                grant(&mut entries, factory.right, factory.servers.clone());
            }
        }
        Self::from_entries(entries)
    }

    /// What the list takes of the storage.
    pub(crate) fn cost(&self) -> usize {
        let ids = |entry: &Entry| match &entry.servers {
            Servers::Every => 1,
            Servers::Listed(ids) => ids.iter().map(|id| id.len() + 1).sum(),
        };
        self.entries().iter().map(|entry| 8 + ids(entry)).sum()
    }

    fn granting(rights: &[Right], servers: &Servers) -> Self {
        let entry = |right: &Right| Entry {
            right: *right,
            servers: servers.clone(),
        };
        Self::from_entries(rights.iter().map(entry).collect())
    }

    fn from_entries(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.right);
        Self((!entries.is_empty()).then(|| entries.into()))
    }

    fn entries(&self) -> &[Entry] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, entry) in self.entries().iter().enumerate() {
            let separator = if nth == 0 { "" } else { "&" };
            write!(f, "{separator}{}={}", entry.right.as_str(), entry.servers)?;
        }
        Ok(())
    }
}

impl Servers {
    fn parse(text: &str) -> Result<Self, AclError> {
        let mut every = false;
        let mut listed = Vec::new();
        for id in text.split('+') {
            match id {
                "*" => every = true,
                _ if is_identifier(id) => listed.push(Arc::from(id)),
                _ => return Err(AclError::Identifier(id.to_owned())),
            }
        }
        listed.sort();
        listed.dedup();
        Ok(if every {
            Self::Every
        } else {
            Self::Listed(listed)
        })
    }

    fn contains(&self, server: &str) -> bool {
        matches!(self, Self::Every) || self.lists(server)
    }

    fn lists(&self, server: &str) -> bool {
        match self {
            Self::Every => false,
            Self::Listed(ids) => ids.binary_search_by(|id| (**id).cmp(server)).is_ok(),
        }
    }

    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Listed(ids), Self::Listed(more)) => {
                ids.extend(more);
                ids.sort();
                ids.dedup();
            }
            _ => *self = Self::Every,
        }
    }

    /// Takes `server` out and says whether anyone is left.
    fn remove(&mut self, server: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Listed(ids) => {
                ids.retain(|id| &**id != server);
                !ids.is_empty()
            }
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Listed(ids) => {
                for (nth, id) in ids.iter().enumerate() {
                    let separator = if nth == 0 { "" } else { "+" };
                    write!(f, "{separator}{id}")?;
                }
                Ok(())
            }
        }
    }
}

fn grant(entries: &mut Vec<Entry>, right: Right, servers: Servers) {
    match entries.iter_mut().find(|entry| entry.right == right) {
        Some(entry) => entry.servers.merge(servers),
        None => entries.push(Entry { right, servers }),
    }
}

/// Whether an ACL can name this server.
pub fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|c| matches!(c, '=' | '&' | '*' | '+') || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> Acl {
        Acl::parse(text).unwrap()
    }

    #[test]
    fn lists_print_in_one_order_with_duplicates_merged() {
        for (text, printed) in [
            ("", ""),
            (" \n", ""),
            ("Get=*", "Get=*"),
            ("Replace=B+A&Add=*", "Add=*&Replace=A+B"),
            (
                "Get=ServerA&Replace=ServerA&Get=ServerB",
                "Get=ServerA+ServerB&Replace=ServerA",
            ),
            ("Get=A+*+B", "Get=*"),
            ("Get=A+A", "Get=A"),
            ("Get=com.example.dm/é", "Get=com.example.dm/é"),
        ] {
            assert_eq!(acl(text).to_string(), printed, "{text:?}");
        }
        assert_eq!(acl(""), Acl::INHERITED);
    }

    #[test]
    fn bad_lists_are_refused_with_a_reason() {
        for text in [
            "Get", "Get=", "=A", "Copy=A", "get=A", "Get=A&", "&Get=A", "Get=A B", "Get=A+",
            "Get=+A", "Get=A=B", "Get=a*",
        ] {
            let error = Acl::parse(text).expect_err(text);
            assert!(error.to_string().len() > 20);
            assert_eq!(StatusCode::from(error), StatusCode::UNSUPPORTED_FORMAT);
        }
    }

    #[test]
    fn rights_are_granted_by_name_or_by_the_wildcard() {
        let list = acl("Get=*&Replace=A");
        assert!(list.grants(Right::Get, "anyone"));
        assert!(list.grants(Right::Replace, "A") && !list.grants(Right::Replace, "B"));
        assert!(!list.grants(Right::Add, "A"));
        assert!(!Acl::INHERITED.grants(Right::Get, "A"));
    }

    #[test]
    fn a_removed_server_leaves_no_trace() {
        let list = acl("Add=A&Get=A+B&Replace=*");
        assert_eq!(list.without("A"), acl("Get=B&Replace=*"));
        assert!(list.names("A") && !list.without("A").names("A"));
        assert!(acl("Get=A").without("A").is_inherited());
        let root = acl("Add=*&Get=A&Replace=A");
        assert_eq!(root.root_without("A"), acl("Add=*&Get=*"));
        assert_eq!(acl("Replace=A").root_without("A"), Acl::factory_root());
        assert_eq!(acl("Get=A+B").root_without("A"), acl("Get=B"));
    }

    #[test]
    fn a_server_that_an_acl_cannot_name_gets_none() {
        assert!(Acl::for_creator("my server").is_inherited());
        assert_eq!(Acl::for_creator("S"), acl("Add=S&Delete=S&Get=S&Replace=S"));
    }
}
