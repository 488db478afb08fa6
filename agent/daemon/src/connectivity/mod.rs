//! Which link a session goes over: what connectivity references lead to, and why some do not.
//!
//! `PrefConRef` and `ToConRef` of an account (OMA-TS-DM_StdObj 5.3.1) name a table
//! `[connectivity.NAME]` of the configuration, `interface:NAME` or `vrf:NAME`. They are tried in
//! order; nothing but the account's own policy lets a session fall to the default route.

mod links;
mod resolve;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use links::read;
pub use resolve::{Binding, Connection, Link, Links, Obstacle, Rules, resolve, waiting};

/// What the way without a connectivity reference is called.
pub const DEFAULT_ROUTE: &str = "default route";

/// The tables `[connectivity.NAME]` by their names.
pub type Tables = BTreeMap<String, Connectivity>;

/// `[connectivity.NAME]`: a link that accounts refer to by NAME.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Connectivity {
    /// The interface that sessions are bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The VRF that sessions are bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// The name servers that are asked over this link.
    pub dns: Vec<IpAddr>,
    /// Traffic on it costs money.
    pub metered: bool,
    /// It is in a foreign network.
    pub roaming: bool,
}

/// What a table of the configuration or a prefix names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A network interface.
    Interface(&'a str),
    /// A VRF.
    Vrf(&'a str),
}

impl<'a> Target<'a> {
    /// The name of the device in the kernel.
    pub const fn device(self) -> &'a str {
        match self {
            Self::Interface(name) | Self::Vrf(name) => name,
        }
    }
}

impl Connectivity {
    /// What the table names; `None` when it does not name one thing.
    pub fn target(&self) -> Option<Target<'_>> {
        match (&self.interface, &self.vrf) {
            (Some(name), None) => Some(Target::Interface(name)),
            (None, Some(name)) => Some(Target::Vrf(name)),
            _ => None,
        }
    }

    /// What is wrong with the table, with the key that is to blame.
    pub fn contradiction(&self, name: &str) -> Option<(&'static str, String)> {
        let table = format!("[connectivity.{name}]");
        if name.is_empty() || name.contains([':', '/']) || name == "." {
            let text = "the name of the table would be taken for another kind of reference: \
                        leave out : and /";
            return Some(("interface", format!("{table}: {text}")));
        }
        let Some(target) = self.target() else {
            let text = "names neither or both of interface and vrf; one of them is wanted";
            return Some(("interface", format!("{table} {text}")));
        };
        let key = match target {
            Target::Interface(_) => "interface",
            Target::Vrf(_) => "vrf",
        };
        let device = target.device();
        (!is_device(device)).then(|| {
            let text = format!("{device:?} cannot be the name of a network interface");
            (key, format!("{table}: {text}"))
        })
    }
}

/// Whether the kernel lets an interface have this name (`dev_valid_name` in net/core/dev.c).
pub fn is_device(name: &str) -> bool {
    let sound = |c: char| !c.is_whitespace() && !matches!(c, '/' | ':' | '\0');
    (1..16).contains(&name.len()) && !matches!(name, "." | "..") && name.chars().all(sound)
}
