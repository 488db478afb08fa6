//! `omadm-server bluetooth`: finds devices and pairs with them.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: asks at the terminal, a runtime for BlueZ"
)]

use super::arguments::{Bluetooth, Common};
use super::print::{self, Table};
use super::{read_line, written};
use crate::error::Error;
use omadm_bindings::PeerAddress;
use omadm_bindings::bluetooth::{self, Confirm, Neighbour, Question};
use serde_json::json;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn run(common: &Common, verb: &Bluetooth, out: &mut dyn Write) -> Result<(), Error> {
    match verb {
        Bluetooth::Scan { time, adapter } => {
            let time = Duration::from_secs(*time);
            let found = wait(bluetooth::scan(adapter.as_deref(), time))?;
            scanned(common, &found, out)
        }
        Bluetooth::Pair { peer, yes, adapter } => {
            let confirm = confirm(*yes)?;
            wait(bluetooth::pair(adapter.as_deref(), *peer, confirm))?;
            paired(common, *peer, out)
        }
    }
}

/// Runs to its end what BlueZ is asked for.
fn wait<T>(asked: impl Future<Output = io::Result<T>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| Error::Io {
        what: "cannot start".into(),
        source,
    })?;
    let done = runtime.block_on(asked);
    // A question at the terminal may still be open.
    runtime.shutdown_background();
    done.map_err(|error| Error::Unavailable(error.to_string()))
}

fn scanned(common: &Common, found: &[Neighbour], out: &mut dyn Write) -> Result<(), Error> {
    if common.json {
        let all: Vec<_> = found.iter().map(as_json).collect();
        return print::json(out, &all);
    }
    let mut table = Table::new(&["ADDRESS", "NAME", "PAIRED", "CLASSES"]);
    for one in found {
        let classes: Vec<_> = one.classes.iter().map(|class| class.word()).collect();
        table.row(&[
            &one.address.to_string(),
            one.name.as_deref().unwrap_or_default(),
            if one.paired { "yes" } else { "no" },
            &classes.join(" "),
        ]);
    }
    if table.is_empty() {
        return print::line(out, "no device is seen: is it discoverable?");
    }
    table.print(out)
}

fn as_json(one: &Neighbour) -> serde_json::Value {
    let classes: Vec<_> = one.classes.iter().map(|class| class.word()).collect();
    json!({
        "address": one.address.to_string(),
        "name": one.name,
        "paired": one.paired,
        "classes": classes,
    })
}

fn paired(common: &Common, peer: PeerAddress, out: &mut dyn Write) -> Result<(), Error> {
    if common.json {
        return print::json(out, &json!({ "address": peer.to_string(), "paired": true }));
    }
    print::line(out, &format!("paired with {peer}"))
}

/// Who says whether the numbers are the same.
fn confirm(yes: bool) -> Result<Confirm, Error> {
    if !yes && !io::stdin().is_terminal() {
        let text = "there is no terminal to compare the number at: run it at one, or give --yes";
        return Err(Error::Usage(text.into()));
    }
    Ok(Arc::new(move |question| {
        Box::pin(async move {
            if yes {
                return show(&format!("{question} yes (--yes)\n")).is_ok();
            }
            let asked = tokio::task::spawn_blocking(move || ask(&question));
            asked.await.is_ok_and(|answer| answer.unwrap_or(false))
        })
    }))
}

fn ask(question: &Question) -> Result<bool, Error> {
    show(&format!("{question} [y/N] "))?;
    let answer = read_line()?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Standard output is for the result.
fn show(text: &str) -> Result<(), Error> {
    let mut stderr = io::stderr();
    stderr.write_all(text.as_bytes()).map_err(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_bindings::bluetooth::ServiceClass;

    #[test]
    fn what_is_seen_is_shown_with_what_it_offers() {
        let one = Neighbour {
            address: PeerAddress([0, 0x1a, 0x7d, 0xda, 0x71, 0x13]),
            name: Some("gate\u{1b}way".into()),
            paired: true,
            classes: vec![ServiceClass::SyncClient, ServiceClass::DmClient],
        };
        let shown = |json| {
            let common = Common {
                db: "x.db".into(),
                json,
            };
            let mut out = Vec::new();
            scanned(&common, std::slice::from_ref(&one), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = shown(false);
        let row = text.lines().nth(1).unwrap();
        assert!(
            row.starts_with("00:1A:7D:DA:71:13  gate\\u{1b}way"),
            "{row}"
        );
        assert!(row.ends_with("yes     sync-client dm-client"), "{row}");
        assert!(shown(true).contains("\"dm-client\""));
    }
}
