//! Shows adapters, their pairings, and who trusts them.

use std::io::{self, Write};

use omadm_bindings::bluetooth::AdapterStatus;
use serde::Serialize;

use super::super::print::{Align, Harmless, Style, Table};
use crate::control::wire::{AccountState, Line};

/// What there is, as JSON has it too.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    adapters: Vec<Adapter>,
    /// The daemon's lines over Bluetooth; absent when no daemon answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<Line>>,
}

#[derive(Debug, Serialize)]
struct Adapter {
    name: String,
    address: String,
    powered: bool,
    discoverable: bool,
    pairable: bool,
    /// Zero is for ever.
    discoverable_seconds: u64,
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
struct Peer {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    connected: bool,
    accounts: Vec<String>,
}

impl Shown {
    /// `lines` are all of the daemon's, if it answers.
    pub(super) fn new(
        adapters: &[AdapterStatus],
        accounts: &[AccountState],
        lines: Option<Vec<Line>>,
    ) -> Self {
        let mut lines = lines;
        if let Some(lines) = &mut lines {
            lines.retain(|line| line.address.to_ascii_lowercase().starts_with("bt+obex:"));
        }
        let adapters = adapters
            .iter()
            .map(|adapter| Adapter::new(adapter, accounts));
        Self {
            adapters: adapters.collect(),
            lines,
        }
    }

    pub(super) fn print(&self, style: Style, out: &mut dyn Write) -> io::Result<()> {
        for adapter in &self.adapters {
            let name = style.strong(&adapter.name);
            writeln!(out, "{name}  {}  {}", adapter.address, adapter.state())?;
        }
        match self.lines.as_deref() {
            None => writeln!(out, "service  unknown: the daemon does not answer")?,
            Some([]) => writeln!(
                out,
                "service  none: agent.toml has no [obex] listen = [\"bt+obex:\"]"
            )?,
            Some(lines) => {
                for line in lines {
                    let detail = line.detail.as_deref().map(|text| format!(": {text}"));
                    let text = format!("{}{}", line.state, detail.unwrap_or_default());
                    writeln!(
                        out,
                        "service  {}  {}",
                        Harmless(&line.address),
                        Harmless(&text)
                    )?;
                }
            }
        }
        self.peers(style, out)
    }

    fn peers(&self, style: Style, out: &mut dyn Write) -> io::Result<()> {
        let columns = ["PEER", "ADAPTER", "NAME", "CONNECTED", "ACCOUNTS"];
        let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
        let mut any = false;
        for adapter in &self.adapters {
            for peer in &adapter.peers {
                any = true;
                let accounts = peer.accounts.join(" ");
                table.row([
                    &peer.address,
                    &adapter.name,
                    peer.name.as_deref().unwrap_or("-"),
                    if peer.connected { "yes" } else { "no" },
                    if accounts.is_empty() { "-" } else { &accounts },
                ]);
            }
        }
        if !any {
            return writeln!(out, "paired with nobody; see: omadm bluetooth pair --help");
        }
        table.print(out, style)
    }
}

impl Adapter {
    fn new(status: &AdapterStatus, accounts: &[AccountState]) -> Self {
        let peers = status.bonded.iter().map(|bonded| {
            let address = bonded.address.to_string();
            let lists = |account: &&AccountState| account.bluetooth_peers.contains(&address);
            let accounts = accounts.iter().filter(lists);
            Peer {
                accounts: accounts.map(|account| account.name.clone()).collect(),
                address,
                name: bonded.name.clone(),
                connected: bonded.connected,
            }
        });
        Self {
            name: status.name.clone(),
            address: status.address.to_string(),
            powered: status.powered,
            discoverable: status.discoverable,
            pairable: status.pairable,
            discoverable_seconds: status.discoverable_for.as_secs(),
            peers: peers.collect(),
        }
    }

    fn state(&self) -> String {
        if !self.powered {
            return "powered off: bluetoothctl power on".to_owned();
        }
        let mut words = vec!["powered on".to_owned()];
        words.push(match (self.discoverable, self.discoverable_seconds) {
            (false, _) => "hidden".to_owned(),
            (true, 0) => "discoverable".to_owned(),
            (true, seconds) => format!("discoverable for {seconds} s at most"),
        });
        words.push(
            if self.pairable {
                "pairable"
            } else {
                "not pairable"
            }
            .to_owned(),
        );
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_bindings::PeerAddress;
    use omadm_bindings::bluetooth::Bonded;
    use std::time::Duration;

    fn adapter() -> AdapterStatus {
        AdapterStatus {
            name: "hci0".to_owned(),
            address: PeerAddress([0, 0xaa, 1, 0, 0, 0]),
            powered: true,
            discoverable: true,
            pairable: false,
            discoverable_for: Duration::from_mins(2),
            bonded: vec![Bonded {
                address: PeerAddress([0, 0xaa, 1, 1, 0, 1]),
                name: Some("la\u{1b}b".to_owned()),
                connected: false,
            }],
        }
    }

    fn account() -> AccountState {
        AccountState {
            name: "lab".to_owned(),
            bluetooth_peers: vec!["00:AA:01:01:00:01".to_owned()],
            ..AccountState::default()
        }
    }

    fn text(shown: &Shown) -> String {
        let mut out = Vec::new();
        shown.print(Style::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_peer_is_shown_with_the_accounts_that_list_it() {
        let line = |address: &str| Line {
            address: address.to_owned(),
            state: "waiting".to_owned(),
            detail: None,
        };
        let lines = vec![line("bt+obex:"), line("unix+obex:///a")];
        let shown = text(&Shown::new(&[adapter()], &[account()], Some(lines)));
        assert!(shown.contains("discoverable for 120 s at most, not pairable"));
        assert!(shown.contains("service  bt+obex:  waiting"), "{shown}");
        assert!(!shown.contains("unix+obex") && !shown.contains('\u{1b}'));
        assert!(shown.lines().last().unwrap().ends_with("lab"), "{shown}");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut off = adapter();
        off.powered = false;
        off.bonded.clear();
        let shown = text(&Shown::new(&[off.clone()], &[], None));
        assert!(shown.contains("bluetoothctl power on"));
        assert!(shown.contains("does not answer") && shown.contains("nobody"));
        let shown = text(&Shown::new(&[off], &[], Some(Vec::new())));
        assert!(shown.contains("listen = [\"bt+obex:\"]"));
    }
}
