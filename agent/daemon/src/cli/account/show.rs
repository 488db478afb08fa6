//! Prints accounts.

use std::io::{self, Write};

use super::super::print::{self, Align, Harmless, Style, Table};
use crate::control::wire::{AccountState, Connection};

/// Prints accounts as a table, and below it why sessions cannot begin.
pub(in super::super) fn table(
    accounts: &[AccountState],
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if accounts.is_empty() {
        return writeln!(out, "no accounts; make one with: omadm account add");
    }
    let columns = [
        ("ACCOUNT", Align::Left),
        ("SERVER", Align::Left),
        ("ADDRESS", Align::Left),
        ("LAST RESULT", Align::Left),
        ("NEXT ATTEMPT", Align::Left),
        ("FAILURES", Align::Right),
    ];
    // Together with the rest, 100 columns are not exceeded.
    let mut table = Table::new(&columns)
        .gives_way("ACCOUNT", 12)
        .gives_way("SERVER", 17)
        .gives_way("ADDRESS", 24)
        .gives_way("LAST RESULT", 13);
    for account in accounts {
        table.row([
            &account.name,
            &account.server_id,
            &addresses(&account.addresses),
            or_dash(account.last_result.as_deref()),
            &account
                .next_attempt
                .as_deref()
                .map_or_else(|| "-".to_owned(), print::moment),
            &account.failures.to_string(),
        ]);
    }
    table.print(out, style)?;
    for account in accounts {
        if let Some(reason) = &account.waiting {
            let text = format!("waiting: {reason}");
            let (name, text) = (Harmless(&account.name), Harmless(&text).to_string());
            writeln!(out, "{name}  {}", style.bad(&text))?;
        }
    }
    Ok(())
}

/// Prints everything about an account.
pub(super) fn details(account: &AccountState, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |name: &str, value: &str| {
        let name = style.strong(&format!("{name:<13}"));
        writeln!(out, "{name} {}", Harmless(value))
    };
    let mut known = |name: &str, value: Option<&str>| line(name, or_dash(value));
    known("Account", Some(&account.name))?;
    known("Server", Some(&account.server_id))?;
    known("Addresses", list(&account.addresses).as_deref())?;
    known("Encoding", Some(&account.encoding))?;
    known("Plain http", Some(allowed(account.allows_http)))?;
    known("Device proves", account.client_auth.as_deref())?;
    known("Server proves", account.server_auth.as_deref())?;
    known("or by", list(&account.accepts).as_deref())?;
    known("Authorities", account.ca_file.as_deref())?;
    known("Pins", list(&account.pins).as_deref())?;
    known("Bluetooth", list(&account.bluetooth_peers).as_deref())?;
    known("Certificate", account.client_certificate.as_deref())?;
    known("Its key", account.client_key.as_deref())?;
    known("HTTP", account.http_auth.as_deref())?;
    let obex = account.obex_name.as_deref();
    known("OBEX", obex.map(obex_peer).as_deref())?;
    known("Proxy", proxy(account).as_deref())?;
    known("Last result", account.last_result.as_deref())?;
    let next = account.next_attempt.as_deref().map(print::moment);
    known("Next attempt", next.as_deref())?;
    known("Failures", Some(&account.failures.to_string()))?;
    let rules = format!(
        "default route {}, roaming {}, metered {}",
        account.default_route, account.roaming, account.metered
    );
    known("Rules", Some(&rules))?;
    for connection in &account.connections {
        line("Connects by", &way(connection))?;
    }
    Ok(())
}

/// The address that is tried first, and how many others there are.
fn addresses(all: &[String]) -> String {
    match all {
        [] => "-".to_owned(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} +{}", others.len()),
    }
}

fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

fn list(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(", "))
}

const fn allowed(yes: bool) -> &'static str {
    if yes { "allowed" } else { "refused" }
}

/// By what a server proves itself in OBEX.
fn obex_peer(user: &str) -> String {
    match user {
        "" => "the server proves a secret".to_owned(),
        user => format!("the server proves to be {user}"),
    }
}

fn proxy(account: &AccountState) -> Option<String> {
    let proxy = account.proxy.clone()?;
    Some(match &account.proxy_name {
        Some(name) => format!("{proxy}, as {name}"),
        None => proxy,
    })
}

fn way(connection: &Connection) -> String {
    let reference = &connection.reference;
    match (&connection.interface, &connection.reason) {
        (_, Some(reason)) => format!("{reference}: passed over, {reason}"),
        (Some(interface), None) => format!("{reference}: over {interface}"),
        (None, None) => reference.clone(),
    }
}
