//! The lines that the device waits on: those that the configuration names, with the terms that
//! accounts and configuration set. A line whose terms stay the same is left alone.

use omadm_bindings::obex::{ObexCredential, ServerTimeouts};
use omadm_bindings::{Arrival, Identity, LineState, ListenSettings, Listening, listen};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

use crate::config::{Config, ListenAddress};
use crate::control::wire;
use crate::identity::{DevId, Machine};
use crate::mo::dmacc::Configured;
use crate::rights::GadgetSocket;

/// How many peers may have begun to speak before one is heard.
pub(super) const ARRIVALS: usize = 4;

/// The lines.
pub(super) struct Lines {
    arrivals: mpsc::Sender<Arrival>,
    busy: watch::Sender<bool>,
    identity: Identity,
    kept: Vec<Line>,
}

struct Line {
    address: ListenAddress,
    /// What it was opened with.
    settings: Option<ListenSettings>,
    /// It, or why it cannot be waited on.
    listening: Result<Listening, String>,
}

impl Lines {
    /// No line yet; whoever arrives on one is announced through `arrivals`.
    pub(super) fn new(identity: Identity, arrivals: mpsc::Sender<Arrival>) -> Self {
        Self {
            arrivals,
            busy: watch::Sender::new(false),
            identity,
            kept: Vec::new(),
        }
    }

    /// Tells the lines whether a session runs.
    pub(super) fn set_busy(&self, busy: bool) {
        self.busy.send_if_modified(|was| {
            let changed = *was != busy;
            *was = busy;
            changed
        });
    }

    /// Opens, closes and leaves alone, as the configuration and the accounts want it now.
    pub(super) fn settle(&mut self, config: &Config, accounts: &[Configured]) {
        let settings = terms(config, accounts, &self.identity);
        let wanted = &config.obex.listen;
        let good = settings.as_ref().ok();
        // A line is closed before another is opened in its place. What was wrong with one lies in
        // its address or its terms.
        self.kept
            .retain(|line| wanted.contains(&line.address) && same(line.settings.as_ref(), good));
        let mut old = std::mem::take(&mut self.kept);
        for address in wanted {
            let at = old.iter().position(|line| line.address == *address);
            let line = match at {
                Some(at) => old.swap_remove(at),
                None => self.open(address, &settings),
            };
            self.kept.push(line);
        }
    }

    fn open(&self, address: &ListenAddress, settings: &Result<ListenSettings, String>) -> Line {
        let listening = settings.clone().and_then(|settings| {
            let (arrivals, busy) = (self.arrivals.clone(), self.busy.subscribe());
            listen(address.address(), settings, arrivals, busy).map_err(|error| error.to_string())
        });
        match &listening {
            Ok(_) => log::info!("servers are waited for at {address}"),
            Err(reason) => log::error!("nobody is waited for at {address}: {reason}"),
        }
        Line {
            address: address.clone(),
            settings: settings.as_ref().ok().cloned(),
            listening,
        }
    }

    /// Whether a peer is connected at this address.
    pub(super) fn is_connected(&self, address: &str) -> bool {
        let mut lines = self.kept.iter();
        lines.any(|line| {
            let listening = line.listening.as_ref();
            let is = |listening: &Listening| *listening.state.borrow() == LineState::Connected;
            line.address.address().as_str() == address && listening.is_ok_and(is)
        })
    }

    /// As the interface has them.
    pub(super) fn wire(&self) -> Vec<wire::Line> {
        let lines = self.kept.iter();
        lines
            .map(|line| match &line.listening {
                Ok(listening) => state(&line.address, &listening.state.borrow()),
                Err(reason) => wire::Line {
                    address: line.address.to_string(),
                    state: "away".to_owned(),
                    detail: Some(reason.clone()),
                },
            })
            .collect()
    }
}

fn state(address: &ListenAddress, state: &LineState) -> wire::Line {
    let (word, detail) = match state {
        LineState::Opening => ("opening", None),
        LineState::Waiting => ("waiting", None),
        LineState::Connected => ("connected", None),
        LineState::Away(reason) => ("away", Some(reason.clone())),
    };
    wire::Line {
        address: address.to_string(),
        state: word.to_owned(),
        detail,
    }
}

/// What the device says on its lines of itself.
pub(super) fn identity(machine: &Machine, dev_id: &DevId) -> Identity {
    Identity {
        manufacturer: machine.manufacturer.value.clone(),
        model: machine.model.value.clone(),
        revision: machine.software_version.value.clone(),
        serial: dev_id.text.clone(),
    }
}

/// What the lines are opened with; why none may be.
fn terms(
    config: &Config,
    accounts: &[Configured],
    identity: &Identity,
) -> Result<ListenSettings, String> {
    let mut credentials = Vec::new();
    if config.obex.authenticate {
        let known = accounts.iter().filter_map(|account| account.obex.clone());
        credentials.extend(known);
        // Without a credential, everyone would be let in.
        if credentials.is_empty() {
            return Err(
                "obex.authenticate is set, and no account has a credential for OBEX: give one \
                        its own with: omadm account set NAME --obex-secret-file FILE"
                    .to_owned(),
            );
        }
    }
    let mut peers: Vec<_> = accounts
        .iter()
        .flat_map(|account| &account.policy.bluetooth_peers)
        .map(ToString::to_string)
        .collect();
    peers.sort();
    peers.dedup();
    Ok(ListenSettings {
        gadget: Some(Arc::new(GadgetSocket::new(&config.control.rights_dir))),
        peers,
        bootstraps: false,
        credentials,
        max_message: config.session.max_message_size,
        identity: identity.clone(),
        timeouts: ServerTimeouts {
            idle: config.obex.idle_timeout,
            thinking: config.obex.keep_alive,
            ..ServerTimeouts::default()
        },
    })
}

fn same(one: Option<&ListenSettings>, other: Option<&ListenSettings>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one.is_none() && other.is_none();
    };
    let times = |of: &ListenSettings| (of.timeouts.idle, of.timeouts.thinking);
    let mut pairs = one.credentials.iter().zip(&other.credentials);
    one.credentials.len() == other.credentials.len()
        && pairs.all(|(one, other)| is_same(one, other))
        && one.max_message == other.max_message
        && one.peers == other.peers
        && one.identity == other.identity
        && times(one) == times(other)
}

/// Whether both are the same, in a time that depends on their lengths alone.
pub(super) fn is_same(one: &ObexCredential, other: &ObexCredential) -> bool {
    let octets = |text: &str| omadm_syncml::Secret::from_text(text);
    let user = octets(&one.user).matches(&octets(&other.user));
    user & one.secret.matches(&other.secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::Secret;

    fn config(more: &str) -> Config {
        toml::from_str(&format!("[obex]\nlisten = [\"unix+obex:///a\"]\n{more}")).unwrap()
    }

    fn credential(user: &str, secret: &str) -> ObexCredential {
        ObexCredential {
            user: user.to_owned(),
            secret: Secret::from_text(secret),
        }
    }

    #[test]
    fn lines_are_opened_anew_only_on_other_terms() {
        let identity = Identity::default();
        let usual = terms(&config(""), &[], &identity).unwrap();
        assert!(usual.credentials.is_empty());
        assert!(same(Some(&usual), Some(&usual)));
        for more in [
            "keep-alive = \"2s\"",
            "idle-timeout = \"10s\"",
            "[session]\nmax-message-size = 4096",
        ] {
            let other = terms(&config(more), &[], &identity).unwrap();
            assert!(!same(Some(&usual), Some(&other)), "{more}");
        }
        for (credentials, stays) in [
            (vec![credential("pc", "one")], true),
            (vec![credential("pc", "two")], false),
            (vec![credential("laptop", "one")], false),
            (Vec::new(), false),
        ] {
            let mut one = usual.clone();
            one.credentials = vec![credential("pc", "one")];
            let other = ListenSettings {
                credentials,
                ..usual.clone()
            };
            assert_eq!(same(Some(&one), Some(&other)), stays);
        }
        assert!(!same(Some(&usual), None) && same(None, None));
    }

    #[test]
    fn nobody_is_let_in_where_nobody_can_prove_anything() {
        let reason = terms(&config("authenticate = true"), &[], &Identity::default());
        assert!(reason.unwrap_err().contains("no account has a credential"));
    }

    #[test]
    fn the_state_of_a_line_is_told_in_words() {
        let config = config("");
        let told = |of: LineState| {
            let line = state(&config.obex.listen[0], &of);
            (line.state, line.detail)
        };
        for (of, word) in [
            (LineState::Opening, "opening"),
            (LineState::Waiting, "waiting"),
            (LineState::Connected, "connected"),
        ] {
            assert_eq!(told(of), (word.to_owned(), None));
        }
        let away = told(LineState::Away("gone".to_owned()));
        assert_eq!(away, ("away".to_owned(), Some("gone".to_owned())));
    }

    #[tokio::test]
    async fn a_line_that_stays_the_same_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("obex.sock");
        let address = format!("unix+obex://{}", path.display());
        let listen = |more: &str| -> Config {
            toml::from_str(&format!("[obex]\nlisten = [{address:?}]\n{more}")).unwrap()
        };
        let (arrivals, _heard) = mpsc::channel(1);
        let mut lines = Lines::new(Identity::default(), arrivals);
        lines.settle(&listen(""), &[]);
        let state = lines.kept[0].listening.as_ref().unwrap().state.clone();
        lines.settle(&listen(""), &[]);
        assert!(state.has_changed().is_ok(), "it was closed");
        lines.settle(&listen("keep-alive = \"2s\""), &[]);
        tokio::task::yield_now().await;
        assert_eq!(lines.kept.len(), 1);
        lines.settle(&config(""), &[]);
        assert_eq!(lines.wire()[0].address, "unix+obex:///a");
    }
}
