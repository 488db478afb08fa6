//! Opens a bearer to an account's server: its links and, over each, its addresses are tried in
//! their order (OMA-TS-DM_StdObj 5.3.1, `ToConRef` and `AppAddr`).

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use omadm_bindings::{Bearer, Error, Retry, Settings, open};
use omadm_dm::session::SessionCause;
use omadm_probes::KernelNetlink;
use omadm_syncml::Now;

use super::account::Local;
use super::agent::Agent;
use super::schedule::{Due, Prospect};
use crate::config::is_same_line;
use crate::connectivity::{self, Binding, Connection, DEFAULT_ROUTE, Links, Obstacle, Rules};
use crate::mo::dmacc::{AccountPolicy, AccountProxy, CertificateFiles, Configured, Rule};

/// The session gives up this much later than the bearer, which knows better why.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// The result of a session that found no link to begin on.
pub(super) const NO_LINK: &str = "no-link";

/// The result of a session whose server can only be waited for.
const NO_ADDRESS: &str = "no-address";

/// While an account waits for a link, they are looked at this often: not every link that comes
/// brings a default route, which is what the network is known by elsewhere.
const LOOK: Duration = Duration::from_secs(30);

/// Where a server may be reached, and how: in the order in which it is tried.
pub(super) struct Way {
    /// An address of the server over a link.
    attempts: Vec<Attempt>,
}

struct Attempt {
    address: String,
    /// The connectivity reference, or the default route.
    reference: String,
    /// Limits, permissions, trust and link; or why the attempt is passed over.
    settings: Result<Settings, PassedOver>,
}

/// A bearer that is open.
pub(super) struct Opened {
    /// The line.
    pub bearer: Bearer,
    /// The address that it leads to.
    pub address: String,
    /// How many attempts have had their turn, this one among them.
    pub tried: usize,
}

/// Why no bearer could be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// The word for it.
    pub result: &'static str,
    /// What went wrong with each attempt.
    pub detail: String,
    /// What that says about another attempt.
    pub prospect: Prospect,
}

/// A bearer on its way to being open.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Opened, Unreachable>>>>;

/// Why an attempt is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PassedOver {
    /// Its link cannot be used.
    Link(Obstacle),
    /// Its address is one of the device's own.
    OwnLine(String),
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(obstacle) => obstacle.fmt(f),
            Self::OwnLine(address) => {
                write!(f, "{address}: the device waits for the server on this line")
            }
        }
    }
}

enum Failure {
    PassedOver(PassedOver),
    Failed(Error),
}

impl Way {
    /// Every address over every link, but for the first `from`, and without those that are the
    /// device's own. That number counts links that
    /// are passed over as well, so that it means the same when their state has changed.
    pub(super) fn new(
        addresses: &[String],
        own: &[String],
        connections: &[Connection],
        settings: &Settings,
        from: usize,
    ) -> Self {
        let over = |connection: &Connection, address: &String| Attempt {
            address: address.clone(),
            reference: connection.reference.clone(),
            settings: match &connection.outcome {
                _ if own.iter().any(|line| is_same_line(line, address)) => {
                    Err(PassedOver::OwnLine(address.clone()))
                }
                Ok(binding) => Ok(bound(settings.clone(), binding.clone())),
                Err(obstacle) => Err(PassedOver::Link(obstacle.clone())),
            },
        };
        let each = connections.iter().flat_map(|connection| {
            addresses
                .iter()
                .map(move |address| over(connection, address))
        });
        Self {
            attempts: each.skip(from).collect(),
        }
    }

    /// Whether there is anything to try.
    pub(super) fn is_open(&self) -> bool {
        let mut all = self.attempts.iter();
        all.any(|attempt| attempt.settings.is_ok())
    }

    /// Whether the default route, if it is taken, stands in for a link that the account names.
    fn has_links(&self) -> bool {
        let mut all = self.attempts.iter();
        all.any(|attempt| attempt.reference != DEFAULT_ROUTE)
    }

    /// Opens a bearer to the first address that can be had.
    pub(super) fn open(self) -> Opening {
        Box::pin(self.try_each())
    }

    async fn try_each(self) -> Result<Opened, Unreachable> {
        let several = self.attempts.len() > 1;
        let mut failures: Vec<(String, Failure)> = Vec::new();
        let mut passed_over = None;
        let mut falls_back = self.has_links();
        for (at, attempt) in self.attempts.into_iter().enumerate() {
            let Attempt {
                address: text,
                reference,
                settings,
            } = attempt;
            let settings = match settings {
                Ok(settings) => settings,
                Err(line @ PassedOver::OwnLine(_)) => {
                    log::debug!("passed over: {line}");
                    failures.push((text, Failure::PassedOver(line)));
                    continue;
                }
                Err(obstacle) => {
                    if passed_over.as_ref() != Some(&reference) {
                        log::info!("{reference} is passed over: {obstacle}");
                        failures.push((reference.clone(), Failure::PassedOver(obstacle)));
                    }
                    passed_over = Some(reference);
                    continue;
                }
            };
            if reference == DEFAULT_ROUTE && std::mem::take(&mut falls_back) {
                log::warn!("{text} is tried over the default route, as the account allows");
            }
            let opened = match text.parse() {
                Ok(address) => open(&address, &settings).await,
                Err(error) => Err(Error::Address(error)),
            };
            let place = match &settings.interface {
                Some(interface) => format!("{text} over {interface}"),
                None => text.clone(),
            };
            match opened {
                Ok(bearer) => {
                    log::debug!("{place}: connected");
                    return Ok(Opened {
                        bearer,
                        address: text,
                        tried: at + 1,
                    });
                }
                Err(error) => {
                    log::info!("{place}: {error}");
                    failures.push((place, Failure::Failed(error)));
                }
            }
        }
        Err(unreachable(&failures, several))
    }
}

fn bound(mut settings: Settings, binding: Binding) -> Settings {
    settings.interface = binding.interface;
    settings.dns_servers = binding.dns;
    settings
}

/// The place is only named where there is a choice: the error names the host.
fn unreachable(failures: &[(String, Failure)], several: bool) -> Unreachable {
    let mut texts = Vec::new();
    let mut prospect = Prospect::Unlikely;
    let is_own = |(_, failure): &_| matches!(failure, Failure::PassedOver(PassedOver::OwnLine(_)));
    let mut result = if !failures.is_empty() && failures.iter().all(is_own) {
        NO_ADDRESS
    } else {
        NO_LINK
    };
    for (place, failure) in failures {
        texts.push(match failure {
            Failure::PassedOver(obstacle) => obstacle.to_string(),
            Failure::Failed(error) if several => format!("{place}: {error}"),
            Failure::Failed(error) => error.to_string(),
        });
        prospect = prospect.or(match failure {
            // A link comes up when it comes up.
            Failure::PassedOver(PassedOver::Link(_)) => Prospect::Later(Duration::ZERO),
            // A server comes when it comes, and begins by itself.
            Failure::PassedOver(PassedOver::OwnLine(_)) => Prospect::Unlikely,
            Failure::Failed(error) => {
                result = "bearer-failed";
                self::prospect(error)
            }
        });
    }
    texts.dedup();
    Unreachable {
        result,
        detail: texts.join("; "),
        prospect,
    }
}

/// What a failure of the bearer says about another attempt.
pub(super) fn prospect(error: &Error) -> Prospect {
    match error.retry() {
        _ if error.wrong_clock() => Prospect::Clock,
        Retry::Later(after) => Prospect::Later(after.unwrap_or_default()),
        Retry::Permanent => Prospect::Unlikely,
    }
}

/// The links of the machine as they are now.
pub(super) fn links() -> Result<Links, String> {
    connectivity::read(&KernelNetlink::default()).map_err(|error| error.to_string())
}

/// What an account allows.
pub(super) fn rules(policy: &AccountPolicy, references: &[String]) -> Rules {
    Rules {
        roaming: policy.roaming == Rule::Allow,
        metered: policy.metered == Rule::Allow,
        default_route: match policy.default_route {
            Some(rule) => rule == Rule::Allow,
            None => references.is_empty(),
        },
    }
}

fn waits_for_link(local: &Local) -> bool {
    local.record.result.as_deref() == Some(NO_LINK) && local.agenda.prospect().is_some()
}

impl Agent {
    /// The lines that the device waits on.
    pub(super) fn own_lines(&self) -> Vec<String> {
        let own = &self.config.obex.listen;
        own.iter().map(ToString::to_string).collect()
    }

    /// Whether no session of an account can begin by itself, because every address of its server
    /// is a line that the device waits on.
    pub(super) fn waits_for_server(&self, configured: &Configured) -> bool {
        let own = self.own_lines();
        let is_own = |address: &String| own.iter().any(|line| is_same_line(line, address));
        configured.addresses.iter().all(is_own)
    }

    /// The links that lead to an account's server, in their order.
    pub(super) fn connections(&self, configured: &Configured) -> Vec<Connection> {
        let Configured {
            policy, references, ..
        } = configured;
        let rules = rules(policy, references);
        let links = if references.is_empty() && rules.roaming && rules.metered {
            // Nothing is asked of a link.
            Ok(Links::default())
        } else {
            links()
        };
        let links = links.as_ref().map_err(String::as_str);
        connectivity::resolve(references, &self.config.connectivity, rules, links)
    }

    /// Brings forward the sessions of accounts that have found no link and would find one now.
    pub(super) fn look_for_links(&mut self, now: Now) {
        if self.next_look().is_none_or(|at| at > now.boot) {
            return;
        }
        self.looked_at = now.boot;
        for configured in self.configured().into_iter().flatten() {
            let name = &configured.account.name;
            let waits = self.book.get(name).is_some_and(waits_for_link);
            if waits && connectivity::waiting(&self.connections(&configured)).is_none() {
                let due = Due::new(now.boot, SessionCause::Retry);
                if self.book.local(name).agenda.link_up(vec![due]) {
                    log::info!("account {name}: there is a link now");
                }
            }
        }
    }

    /// When links are looked at next; `None` while no account waits for one.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let waits = self.book.iter().any(waits_for_link);
        (waits && self.running.is_none()).then(|| self.looked_at + LOOK)
    }

    /// Limits, permissions and trust of an account's bearer, but for its link.
    pub(super) fn settings(&self, configured: &Configured) -> Settings {
        let session = &self.config.session;
        let policy = &configured.policy;
        let certificate = policy.client_certificate.as_ref();
        let proxy = policy.proxy.as_ref();
        Settings {
            allow_http: policy.allows_http,
            ca_file: policy.ca_file.clone(),
            // An account with authorities of its own trusts nobody else.
            system_roots: policy.ca_file.is_none(),
            pins: policy.pins.clone(),
            client_certificate: certificate.map(CertificateFiles::settings),
            http_credential: configured.http.clone(),
            proxy: proxy.and_then(AccountProxy::settings),
            connect_timeout: session.connect_timeout,
            response_timeout: session.response_timeout,
            message_timeout: session.response_timeout + GRACE,
            max_message: session.max_message_size,
            ..Settings::default()
        }
    }
}
