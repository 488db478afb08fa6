//! `omadm doctor`: what is missing, and what mends it.

use std::ffi::CString;
use std::io::{self, Write};
use std::path::PathBuf;

use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use super::arguments::Listing;
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Harmless, Style};
use crate::config::{self, Config};
use crate::control::wire::{CheckRights, CheckRightsReply, Feature, FeatureState, GetStatus};
use crate::exit;
use crate::rights::doctor::{AGENT_USER, Subject, examine};

/// Asks the daemon, or looks in its place; something missing decides the exit code.
pub(super) fn run(
    client: &mut Client,
    config: Option<PathBuf>,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let features = match client.call(GetStatus {}) {
        Ok(reply) => {
            let status = reply.status;
            let detail = format!("omadmd {} answers, process {}", status.version, status.pid);
            let mut features = vec![daemon(FeatureState::Ok, detail, None)];
            features.extend(client.call(CheckRights {})?.features);
            features
        }
        Err(failure) => instead(&failure, config),
    };
    let reply = CheckRightsReply { features };
    if listing.json {
        print::json(out, &reply)?;
    } else {
        show(&reply.features, style, out)?;
    }
    let is_missing = |feature: &Feature| feature.state == FeatureState::Missing;
    if reply.features.iter().any(is_missing) {
        return Err(Failure::new(exit::FAILED, ""));
    }
    Ok(())
}

fn daemon(state: FeatureState, detail: String, mend: Option<String>) -> Feature {
    Feature {
        name: "daemon".to_owned(),
        state,
        detail,
        mend,
    }
}

/// The daemon does not answer this user: looks as its user if root asks, else as oneself.
fn instead(failure: &Failure, config: Option<PathBuf>) -> Vec<Feature> {
    let (text, mend) = match failure.message.split_once(": ") {
        Some((text, mend)) => (text.to_owned(), Some(mend.to_owned())),
        None => (failure.message.clone(), None),
    };
    let mut features = vec![daemon(FeatureState::Missing, text, mend)];
    let is_agent = Uid::effective().is_root() && {
        let become_agent = become_agent();
        features.extend(become_agent.err());
        !Uid::effective().is_root()
    };
    let counts = config::load(config.as_deref()).unwrap_or_else(|_| Config::default());
    features.extend(examine(&Subject {
        config_file: config,
        config: counts,
        files: None,
        is_agent,
    }));
    features
}

/// Gives up root for the daemon's user, with its groups and no capabilities.
fn become_agent() -> Result<(), Feature> {
    let missing = |detail: String, mend: &str| Feature {
        name: "user".to_owned(),
        state: FeatureState::Missing,
        detail,
        mend: Some(mend.to_owned()),
    };
    let Ok(Some(user)) = User::from_name(AGENT_USER) else {
        let text = format!("user {AGENT_USER} does not exist: looked at as root, who may anything");
        return Err(missing(
            text,
            "systemd-sysusers, or install the package omadm-agent",
        ));
    };
    let changed = CString::new(AGENT_USER)
        .map_err(io::Error::from)
        .and_then(|name| Ok(initgroups(&name, user.gid)?))
        .and_then(|()| Ok(setgid(user.gid)?))
        .and_then(|()| Ok(setuid(user.uid)?));
    changed.map_err(|error| {
        let text = format!("cannot look as user {AGENT_USER}: {error}");
        missing(text, "run this as root of the machine itself")
    })
}

fn show(features: &[Feature], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let width = features.iter().map(|feature| feature.name.chars().count());
    let width = width.max().unwrap_or(0).min(40);
    for feature in features {
        let name = format!("{:<width$}", Harmless(&feature.name).to_string());
        let word = format!("{:<7}", feature.state.as_str());
        let word = match feature.state {
            FeatureState::Missing => style.bad(&word),
            FeatureState::Ok => word,
            _ => style.faint(&word),
        };
        let detail = Harmless(&feature.detail);
        writeln!(out, "{}  {word}  {detail}", style.strong(&name))?;
        if let Some(mend) = &feature.mend {
            writeln!(out, "{:width$}  {:7}  -> {}", "", "", Harmless(mend))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mend_stands_below_what_it_mends() {
        let feature = |name: &str, state, mend: Option<&str>| Feature {
            name: name.to_owned(),
            state,
            detail: "found".to_owned(),
            mend: mend.map(str::to_owned),
        };
        let features = [
            feature("clock", FeatureState::Ok, None),
            feature("pss", FeatureState::Missing, Some("systemctl x\u{1b}")),
            feature("kpi thermal", FeatureState::Absent, None),
        ];
        let mut out = Vec::new();
        show(&features, Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "clock        ok       found\n\
             pss          missing  found\n\
             \x20                     -> systemctl x\\u{1b}\n\
             kpi thermal  absent   found\n"
        );
    }
}
