//! `omadm account`: makes, lists and removes accounts.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: reads secrets from files and the terminal"
)]

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices as Special};
use zeroize::Zeroizing;

use super::arguments::{Account, Listing, NewAccount, Scheme, TERMINAL};
use super::client::Client;
use super::failure::Failure;
use super::print::{self, Align, Style, Table};
use crate::control::wire::{self, AccountState, AddAccount, ListAccounts, RemoveAccount};
use crate::exit;

/// The longest secret.
const MAX_SECRET: usize = 4096;

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
    Ok(show(&reply.accounts, style, out)?)
}

/// Prints accounts as a table.
pub(super) fn show(accounts: &[AccountState], style: Style, out: &mut dyn Write) -> io::Result<()> {
    if accounts.is_empty() {
        return writeln!(out, "no accounts; make one with: omadm account add");
    }
    let mut table = Table::new(&[
        ("ACCOUNT", Align::Left),
        ("SERVER", Align::Left),
        ("ADDRESS", Align::Left),
        ("ENCODING", Align::Left),
        ("PROVES", Align::Left),
        ("SERVER PROVES", Align::Left),
        ("LAST RESULT", Align::Left),
        ("NEXT ATTEMPT", Align::Left),
        ("FAILURES", Align::Right),
    ]);
    for account in accounts {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let mut proof = or_dash(&account.server_auth);
        if account.accepts_tls {
            proof.push_str(" or tls");
        }
        table.row([
            &account.name,
            &account.server_id,
            &account.addresses.join(" "),
            &account.encoding,
            &or_dash(&account.client_auth),
            &proof,
            &or_dash(&account.last_result),
            &account
                .next_attempt
                .as_deref()
                .map_or("-".to_owned(), print::moment),
            &account.failures.to_string(),
        ]);
    }
    table.print(out, style)
}

fn add(client: &mut Client, account: NewAccount) -> Result<(), Failure> {
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
    let ca_file = account.ca_file.as_deref().map(authorities).transpose()?;
    let account = wire::NewAccount {
        name: account.name,
        server_id: account.server_id,
        address: account.address,
        encoding: Some(account.encoding.as_str().to_owned()),
        client_auth: account.client_auth.as_str().map(str::to_owned),
        client_name: account.client_name,
        client_secret,
        client_nonce: account.client_nonce,
        server_auth: account.server_auth.as_str().map(str::to_owned),
        server_name: account.server_name,
        server_secret,
        server_nonce: account.server_nonce,
        accepts_tls: Some(account.accept_tls),
        allows_http: Some(account.allow_http),
        ca_file,
        nonce_text: Some(account.nonce_text),
    };
    client.order(AddAccount { account })
}

/// The file of certificate authorities, which the daemon reads when a session begins: too late
/// to tell whoever mistyped it.
fn authorities(path: &Path) -> Result<String, Failure> {
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
    let whole = std::path::absolute(path).map_err(|error| Failure::unreadable(path, &error))?;
    let text = whole.into_os_string().into_string();
    text.map_err(|_| Failure::new(exit::USAGE, format_args!("{}: not UTF-8", path.display())))
}

/// A secret from where the caller wants it read.
fn secret(
    client: &mut Client,
    file: Option<&Path>,
    whose: &str,
    option: &str,
) -> Result<Zeroizing<String>, Failure> {
    let read = match file {
        Some(path) if path == Path::new(TERMINAL) => first_line(&mut io::stdin().lock()),
        Some(path) => File::open(path).and_then(|file| first_line(&mut { file })),
        None if io::stdin().is_terminal() => {
            client.reach()?;
            ask(whose)
        }
        None => {
            let message = format_args!(
                "the secret of {whose} is missing: give {option} FILE, or - for standard input"
            );
            return Err(Failure::new(exit::USAGE, message));
        }
    };
    let place = file.unwrap_or(Path::new("terminal"));
    let secret = read.map_err(|error| Failure::unreadable(place, &error))?;
    if secret.is_empty() {
        let message = format_args!("the secret of {whose} is empty");
        return Err(Failure::new(exit::DATA, message));
    }
    Ok(secret)
}

/// The first line, without its end, in a buffer that never moves, so that no copy stays
/// behind in freed memory.
fn first_line(from: &mut dyn Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_SECRET));
    let mut octet = [0_u8];
    while from.read(&mut octet)? == 1 && octet != *b"\n" {
        if line.len() == MAX_SECRET {
            let reason = format!("a secret is at most {MAX_SECRET} octets long");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        line.extend_from_slice(&octet);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = std::str::from_utf8(&line);
    let text =
        text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a secret is UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Asks at the terminal, which does not show what is typed.
fn ask(whose: &str) -> io::Result<Zeroizing<String>> {
    let stdin = io::stdin();
    write!(io::stderr(), "Secret of {whose}: ")?;
    let before = termios::tcgetattr(&stdin)?;
    let mut silent = before.clone();
    // Ctrl-C must not leave a terminal behind that shows nothing: it is read as a character,
    // one that ends the line.
    silent
        .local_flags
        .remove(LocalFlags::ECHO | LocalFlags::ISIG);
    for (place, ending) in [(Special::VEOL, INTERRUPT), (Special::VEOL2, QUIT)] {
        if let Some(slot) = silent.control_chars.get_mut(place as usize) {
            *slot = ending;
        }
    }
    termios::tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent)?;
    let line = first_line(&mut TillInterrupted(stdin.lock()));
    termios::tcsetattr(&stdin, SetArg::TCSAFLUSH, &before)?;
    writeln!(io::stderr())?;
    line
}

/// Ctrl-C and Ctrl-\\.
const INTERRUPT: u8 = 0x03;
const QUIT: u8 = 0x1c;

/// A terminal at which these end the input.
struct TillInterrupted<R>(R);

impl<R: Read> Read for TillInterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        if read.iter().any(|octet| matches!(*octet, INTERRUPT | QUIT)) {
            return Err(io::Error::other("interrupted"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_without_its_end() {
        for (input, expected) in [
            ("s3cret\nrest", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            (" with blanks ", " with blanks "),
            ("\n", ""),
        ] {
            let line = first_line(&mut input.as_bytes()).unwrap();
            assert_eq!(line.as_str(), expected);
        }
        assert!(first_line(&mut [0xff_u8].as_slice()).is_err());
        assert!(first_line(&mut vec![b'x'; MAX_SECRET + 1].as_slice()).is_err());
    }

    #[test]
    fn an_interrupted_secret_is_none() {
        let mut typed = TillInterrupted("s3cr\x03".as_bytes());
        assert!(first_line(&mut typed).is_err());
        let mut typed = TillInterrupted("s3cret\n".as_bytes());
        assert_eq!(first_line(&mut typed).unwrap().as_str(), "s3cret");
    }

    #[test]
    fn two_secrets_come_from_two_lines() {
        let mut input = "mine\ntheirs\n".as_bytes();
        assert_eq!(first_line(&mut input).unwrap().as_str(), "mine");
        assert_eq!(first_line(&mut input).unwrap().as_str(), "theirs");
    }

    #[test]
    fn accounts_are_a_table() {
        let account = AccountState {
            name: "lab".to_owned(),
            server_id: "lab.example".to_owned(),
            addresses: vec!["https://lab.example/dm".to_owned()],
            encoding: "wbxml".to_owned(),
            client_auth: Some("md5".to_owned()),
            accepts_tls: true,
            ..AccountState::default()
        };
        let mut out = Vec::new();
        show(&[account], Style::Plain, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines()
                .nth(1)
                .unwrap()
                .contains("wbxml     md5     - or tls"),
            "{text}"
        );
    }
}
