//! `omadm account`: makes, lists, shows, changes and removes accounts.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: looks at the files that an account names"
)]

mod show;

use std::io::Write;
use std::path::Path;

use super::arguments::{Account, Adding, Changing, HttpAuth, Listing, Policy, Proof, Scheme, word};
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Style};
use super::secret::secret;
use crate::control::wire::{
    self, AccountSettings, AddAccount, ListAccounts, RemoveAccount, SetAccount,
};
use crate::exit;

pub(super) use self::show::table;

/// Runs a verb.
pub(super) fn run(
    client: &mut Client,
    verb: Account,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match verb {
        Account::Add(account) => add(client, *account),
        Account::List { listing } => list(client, listing, style, out),
        Account::Show { name, listing } => show_one(client, &name, listing, style, out),
        Account::Set(account) => set(client, *account),
        Account::Remove { name } => client.order(RemoveAccount { name }),
    }
}

fn list(
    client: &mut Client,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let reply = client.call(ListAccounts {})?;
    if listing.json {
        return print::json(out, &reply);
    }
    Ok(table(&reply.accounts, style, out)?)
}

fn show_one(
    client: &mut Client,
    name: &str,
    listing: Listing,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let reply = client.call(ListAccounts {})?;
    let mut all = reply.accounts.into_iter();
    let account = all.find(|account| account.name == name).ok_or_else(|| {
        let text = format!("there is no account {name:?}; see: omadm account list");
        wire::Error::NotFound(text)
    })?;
    if listing.json {
        return print::json(out, &account);
    }
    Ok(show::details(&account, style, out)?)
}

fn add(client: &mut Client, account: Adding) -> Result<(), Failure> {
    let mut proof = |scheme: Scheme, file: Option<&Path>, whose, option| {
        (scheme != Scheme::None)
            .then(|| secret(client, file, whose, option))
            .transpose()
    };
    let file = account.client_secret_file.as_deref();
    let client_secret = proof(
        account.client_auth,
        file,
        "the device",
        "--client-secret-file",
    )?;
    let file = account.server_secret_file.as_deref();
    let server_secret = proof(
        account.server_auth,
        file,
        "the server",
        "--server-secret-file",
    )?;
    let settings = settings(client, account.policy)?;
    let mut addresses = account.address.into_iter();
    let account = wire::NewAccount {
        name: account.name,
        server_id: account.server_id,
        address: addresses.next().unwrap_or_default(),
        more_addresses: Some(addresses.collect()).filter(|more: &Vec<_>| !more.is_empty()),
        client_auth: account.client_auth.as_str().map(str::to_owned),
        client_name: account.client_name,
        client_secret,
        client_nonce: account.client_nonce,
        server_auth: account.server_auth.as_str().map(str::to_owned),
        server_name: account.server_name,
        server_secret,
        server_nonce: account.server_nonce,
        settings: Some(settings),
    };
    client.order(AddAccount { account })
}

fn set(client: &mut Client, account: Changing) -> Result<(), Failure> {
    let mut renewed = |file: Option<&Path>, whose, option| {
        file.map(|file| secret(client, Some(file), whose, option))
            .transpose()
    };
    let file = account.client_secret_file.as_deref();
    let client_secret = renewed(file, "the device", "--client-secret-file")?;
    let file = account.server_secret_file.as_deref();
    let server_secret = renewed(file, "the server", "--server-secret-file")?;
    let set = SetAccount {
        settings: settings(client, account.policy)?,
        client_secret,
        server_secret,
        addresses: Some(account.address).filter(|addresses| !addresses.is_empty()),
        ..SetAccount::default()
    };
    if set == SetAccount::default() {
        let text = "nothing is to be changed; see: omadm account set --help";
        return Err(Failure::new(exit::USAGE, text));
    }
    let name = account.name;
    client.order(SetAccount { name, ..set })
}

fn settings(client: &mut Client, policy: Policy) -> Result<AccountSettings, Failure> {
    let wants_http = matches!(policy.http_auth, Some(HttpAuth::Basic | HttpAuth::Digest));
    let http_secret = (wants_http || policy.http_secret_file.is_some())
        .then(|| {
            let file = policy.http_secret_file.as_deref();
            secret(client, file, "the device in HTTP", "--http-secret-file")
        })
        .transpose()?;
    let obex_secret = match policy.obex_secret_file.as_deref() {
        None => None,
        file => Some(secret(
            client,
            file,
            "the server in OBEX",
            "--obex-secret-file",
        )?),
    };
    let named = policy
        .proxy_name
        .as_ref()
        .is_some_and(|name| !name.is_empty());
    let proxy_secret = (named || policy.proxy_secret_file.is_some())
        .then(|| {
            let file = policy.proxy_secret_file.as_deref();
            secret(
                client,
                file,
                "the device at the proxy",
                "--proxy-secret-file",
            )
        })
        .transpose()?;
    let certificates = |path: Option<&Path>| path.map(certificates).transpose();
    let client_key = policy.client_key.as_deref().map(absolute).transpose()?;
    Ok(AccountSettings {
        encoding: policy.encoding.map(word),
        accepts: accepts(&policy.accept, policy.accept_tls),
        allows_http: policy.allow_http,
        ca_file: certificates(policy.ca_file.as_deref())?,
        pins: list_of(policy.pin),
        bluetooth_peers: list_of(policy.bluetooth_peer),
        client_certificate: certificates(policy.client_certificate.as_deref())?,
        client_key,
        http_auth: policy.http_auth.map(|scheme| match scheme {
            HttpAuth::None => String::new(),
            scheme => word(scheme),
        }),
        http_name: policy.http_name,
        http_secret,
        obex_name: policy.obex_name,
        obex_secret,
        proxy: policy.proxy,
        proxy_name: policy.proxy_name,
        proxy_secret,
        connect: list_of(policy.connect),
        default_route: policy.default_route.map(word),
        roaming: policy.roaming.map(word),
        metered: policy.metered.map(word),
        nonce_text: policy.nonce_text,
    })
}

fn accepts(proofs: &[Proof], any: bool) -> Option<Vec<String>> {
    let proofs = if any { &[Proof::Tls] } else { proofs };
    let named = proofs.iter().filter(|proof| **proof != Proof::None);
    (!proofs.is_empty()).then(|| named.copied().map(word).collect())
}

/// A list that was given; an empty text alone takes the list away.
fn list_of(mut texts: Vec<String>) -> Option<Vec<String>> {
    let given = !texts.is_empty();
    texts.retain(|text| !text.is_empty());
    given.then_some(texts)
}

/// A file of certificates. The daemon looks at it as well, with its own rights; here it is seen
/// with those of whoever asks.
fn certificates(path: &Path) -> Result<String, Failure> {
    if path.as_os_str().is_empty() {
        return Ok(String::new());
    }
    let text = std::fs::read(path).map_err(|error| Failure::unreadable(path, &error))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !text.windows(begin.len()).any(|piece| piece == begin) {
        let path = path.display();
        let message = format_args!("{path}: there is no PEM certificate in it");
        return Err(Failure::new(exit::DATA, message));
    }
    absolute(path)
}

/// The daemon has another working directory.
fn absolute(path: &Path) -> Result<String, Failure> {
    if path.as_os_str().is_empty() {
        return Ok(String::new());
    }
    let whole = std::path::absolute(path).map_err(|error| Failure::unreadable(path, &error))?;
    let text = whole.into_os_string().into_string();
    text.map_err(|_| Failure::new(exit::USAGE, format_args!("{}: not UTF-8", path.display())))
}

#[cfg(test)]
mod tests;
