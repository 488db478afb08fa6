//! What each feature takes, looked at with the eyes of the process that looks: the daemon's when
//! it is asked, those of the daemon's user when root looks in its place.

mod devices;
mod host;
mod kernel;
mod kpis;
mod network;
mod place;

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::control::wire::{Feature, FeatureState};

/// The user that the daemon runs as on an installed system.
pub const AGENT_USER: &str = "omadm";

/// Whose features are looked at.
#[derive(Debug)]
pub struct Subject {
    /// The configuration file; `None` is the default place.
    pub config_file: Option<PathBuf>,
    /// What counts: the daemon's own, or what it would read.
    pub config: Config,
    /// The files that accounts name; `None` where the accounts are not known.
    pub files: Option<Vec<AccountFile>>,
    /// This process is the daemon, or has put itself in its place.
    pub is_agent: bool,
}

/// A file that an account names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFile {
    /// The account.
    pub account: String,
    /// What the file is to it: `ca-file`.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
}

/// Looks at everything. File systems and devices are touched: it may take some seconds.
pub fn examine(subject: &Subject) -> Vec<Feature> {
    let mut features = vec![
        place::configuration(subject.config_file.as_deref()),
        place::state(&subject.config.state_dir),
        place::control(&subject.config.control),
        host::privileges(subject.is_agent),
        host::clock(),
        network::sessions(),
        network::trust_store(),
        place::account_files(subject.files.as_deref()),
        network::binding(),
    ];
    features.extend(network::links(&subject.config.connectivity));
    features.extend(kernel::rights(
        &subject.config.control.rights_dir,
        subject.is_agent,
    ));
    features.extend(kpis::groups(&subject.config.control.rights_dir));
    features.extend(kernel::interfaces());
    let listen = &subject.config.obex.listen;
    features.push(devices::lines(listen));
    features.push(devices::bluetooth(
        Path::new("/sys/class/bluetooth"),
        listen,
    ));
    features.push(kernel::gadget(
        &subject.config.control.rights_dir,
        Path::new("/sys/class/udc"),
        devices::waits_on(listen, "usb-gadget+obex"),
        subject.is_agent,
    ));
    features.extend(devices::buses());
    features.extend(later());
    features
}

/// Rights that this version has no use for.
fn later() -> impl Iterator<Item = Feature> {
    let names = ["packet capture", "repairs"];
    names.into_iter().map(|name| unused(name, ""))
}

fn feature(name: &str, state: FeatureState, detail: impl Into<String>) -> Feature {
    Feature {
        name: name.to_owned(),
        state,
        detail: detail.into(),
        mend: None,
    }
}

fn ok(name: &str, detail: impl Into<String>) -> Feature {
    feature(name, FeatureState::Ok, detail)
}

fn absent(name: &str, detail: impl Into<String>) -> Feature {
    feature(name, FeatureState::Absent, detail)
}

fn unseen(name: &str, detail: impl Into<String>) -> Feature {
    feature(name, FeatureState::Unseen, detail)
}

fn missing(name: &str, detail: impl Into<String>, mend: impl Into<String>) -> Feature {
    Feature {
        mend: Some(mend.into()),
        ..feature(name, FeatureState::Missing, detail)
    }
}

/// What there is of something that this version has no use for.
fn unused(name: &str, there_is: &str) -> Feature {
    let detail = match there_is {
        "" => "not used by this build".to_owned(),
        found => format!("not used by this build; {found}"),
    };
    feature(name, FeatureState::Unused, detail)
}

#[cfg(test)]
mod tests;
