//! Opens a bearer to an account's server: its addresses are tried in their order
//! (OMA-TS-DM_StdObj 5.3.1, `AppAddr`).

use std::pin::Pin;

use omadm_bindings::{Bearer, Error, Retry, Settings, open};

use super::schedule::Prospect;

/// Where a server may be reached, and how.
pub(super) struct Way {
    /// In the order in which they are tried.
    pub addresses: Vec<String>,
    /// Limits, permissions and trust.
    pub settings: Settings,
}

/// A bearer that is open.
pub(super) struct Opened {
    /// The line.
    pub bearer: Bearer,
    /// The address that it leads to.
    pub address: String,
    /// How many addresses have had their turn, this one among them.
    pub tried: usize,
}

/// Why no address could be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// What went wrong with each.
    pub detail: String,
    /// What that says about another attempt.
    pub prospect: Prospect,
}

/// A bearer on its way to being open.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Opened, Unreachable>>>>;

impl Way {
    /// Opens a bearer to the first address that can be had.
    pub(super) fn open(self) -> Opening {
        Box::pin(self.try_each())
    }

    async fn try_each(self) -> Result<Opened, Unreachable> {
        let mut failures = Vec::new();
        for (at, text) in self.addresses.iter().enumerate() {
            let opened = match text.parse() {
                Ok(address) => open(&address, &self.settings).await,
                Err(error) => Err(Error::Address(error)),
            };
            match opened {
                Ok(bearer) => {
                    return Ok(Opened {
                        bearer,
                        address: text.clone(),
                        tried: at + 1,
                    });
                }
                Err(error) => {
                    log::info!("{text}: {error}");
                    failures.push((text, error));
                }
            }
        }
        Err(unreachable(&failures))
    }
}

/// The address is only named where there is a choice: the error names the host.
fn unreachable(failures: &[(&String, Error)]) -> Unreachable {
    let detail = match failures {
        [(_, only)] => only.to_string(),
        several => {
            let each = several
                .iter()
                .map(|(text, error)| format!("{text}: {error}"));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    let prospects = failures.iter().map(|(_, error)| prospect(error));
    Unreachable {
        detail,
        prospect: prospects.fold(Prospect::Unlikely, Prospect::or),
    }
}

/// What a failure of the bearer says about another attempt.
pub(super) fn prospect(error: &Error) -> Prospect {
    match error.retry() {
        Retry::Later(after) => Prospect::Later(after.unwrap_or_default()),
        Retry::Permanent => Prospect::Unlikely,
    }
}
