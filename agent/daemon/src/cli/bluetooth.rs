//! `omadm bluetooth`: adapters, pairings, and which accounts trust them.
//!
//! BlueZ is asked by the command itself, with the rights of whoever runs it: the daemon pairs with
//! nobody.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: asks at the terminal, a runtime for BlueZ"
)]

mod show;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use omadm_bindings::PeerAddress;
use omadm_bindings::bluetooth::{self, Confirm, Paired, Question};
use serde_json::json;

use super::arguments::{Bluetooth, Listing, Pairing};
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Harmless, Style};
use crate::control::wire::{
    AccountSettings, AccountState, Error, GetStatus, ListAccounts, SetAccount,
};
use crate::exit;

/// Runs a verb.
pub(super) fn run(
    client: &mut Client,
    verb: &Bluetooth,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match verb {
        Bluetooth::Status { listing } => status(client, *listing, style, out),
        Bluetooth::Pair(pairing) => pair(client, pairing, out),
        Bluetooth::Remove { peer, listing } => remove(client, *peer, *listing, out),
    }
}

fn status(
    client: &mut Client,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let adapters = wait(bluetooth::adapters())?;
    // Pairings are of interest without the daemon, too.
    let accounts = client.call(ListAccounts {}).map(|reply| reply.accounts);
    let lines = client.call(GetStatus {}).map(|reply| reply.status.lines);
    let shown = show::Shown::new(&adapters, &accounts.unwrap_or_default(), lines.ok());
    if listing.json {
        return print::json(out, &shown);
    }
    Ok(shown.print(style, out)?)
}

fn pair(client: &mut Client, pairing: &Pairing, out: &mut dyn Write) -> Result<(), Failure> {
    let confirm = confirm(pairing.yes)?;
    let account = pairing.account.as_deref();
    // Nobody pairs for an account that there is not.
    account.map(|name| listed(client, name)).transpose()?;
    client.rest();
    let time = Duration::from_secs(pairing.time);
    let adapter = pairing.adapter.as_deref();
    say(&format!(
        "this device can be found and paired with for {} s; Ctrl-C ends it\n",
        pairing.time
    ))?;
    let peer = match wait(bluetooth::be_paired(adapter, time, confirm, interrupted()))? {
        Paired::With(peer) => peer,
        Paired::Nobody => return Err(Failure::new(exit::FAILED, "nobody has paired")),
    };
    if let Some(name) = account {
        // Others may have changed the list meanwhile.
        let mut peers = listed(client, name)?;
        peers.push(peer.to_string());
        list(client, name, peers)?;
    }
    if pairing.listing.json {
        let paired = json!({ "address": peer.to_string(), "account": account });
        return print::json(out, &paired);
    }
    match account {
        Some(name) => writeln!(out, "paired with {peer}; {} lists it", Harmless(name))?,
        None => writeln!(
            out,
            "paired with {peer}; an account lets it begin sessions after: omadm account set NAME \
             --bluetooth-peer {peer}"
        )?,
    }
    Ok(())
}

fn remove(
    client: &mut Client,
    peer: PeerAddress,
    listing: Listing,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let unpaired = wait(bluetooth::unpair(peer))?;
    let text = peer.to_string();
    let mut from = Vec::new();
    for account in client.call(ListAccounts {})?.accounts {
        if account.bluetooth_peers.contains(&text) {
            let mut peers = account.bluetooth_peers;
            peers.retain(|listed| *listed != text);
            list(client, &account.name, peers)?;
            from.push(account.name);
        }
    }
    if !unpaired && from.is_empty() {
        let text = format!("{peer} is neither paired nor listed by an account");
        return Err(Failure::new(exit::FAILED, text));
    }
    if listing.json {
        let removed = json!({ "address": text, "unpaired": unpaired, "accounts": from });
        return print::json(out, &removed);
    }
    writeln!(out, "removed {peer}")?;
    Ok(())
}

/// The peers that an account lists.
fn listed(client: &mut Client, name: &str) -> Result<Vec<String>, Failure> {
    let accounts = client.call(ListAccounts {})?.accounts;
    let found = accounts.into_iter().find(|account| account.name == name);
    let unknown = || {
        Error::NotFound(format!(
            "there is no account {name:?}; see: omadm account list"
        ))
    };
    let AccountState {
        bluetooth_peers, ..
    } = found.ok_or_else(unknown)?;
    Ok(bluetooth_peers)
}

fn list(client: &mut Client, name: &str, peers: Vec<String>) -> Result<(), Failure> {
    client.order(SetAccount {
        name: name.to_owned(),
        settings: AccountSettings {
            bluetooth_peers: Some(peers),
            ..AccountSettings::default()
        },
        ..SetAccount::default()
    })
}

/// Runs to its end what BlueZ is asked for.
fn wait<T>(asked: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let failed = |error| Failure::new(exit::SOFTWARE, format_args!("cannot start: {error}"));
    let runtime = runtime.map_err(failed)?;
    let done = runtime.block_on(asked);
    // A question at the terminal may still be open.
    runtime.shutdown_background();
    done.map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied => exit::NO_PERMISSION,
            _ => exit::UNAVAILABLE,
        };
        Failure::new(code, error)
    })
}

/// Ends when somebody wants it to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        // The terminal has gone, and with it whoever would compare numbers.
        _ = hangup.recv() => {}
    }
}

/// Who says whether the numbers are the same.
fn confirm(yes: bool) -> Result<Confirm, Failure> {
    if !yes && !io::stdin().is_terminal() {
        let text = "there is no terminal to compare the number at: run it at one, or give --yes";
        return Err(Failure::new(exit::USAGE, text));
    }
    Ok(Arc::new(move |question| {
        Box::pin(async move {
            if yes {
                return say(&format!("{question} yes (--yes)\n")).is_ok();
            }
            let asked = tokio::task::spawn_blocking(move || ask(&question));
            asked.await.is_ok_and(|answer| answer.unwrap_or(false))
        })
    }))
}

fn ask(question: &Question) -> io::Result<bool> {
    say(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Standard output is for the result.
fn say(text: &str) -> io::Result<()> {
    io::stderr().write_all(text.as_bytes())
}
