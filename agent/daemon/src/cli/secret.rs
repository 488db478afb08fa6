//! Reads secrets from files, from standard input or at the terminal, never from the command line.
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

use super::arguments::TERMINAL;
use super::client::Client;
use super::failure::Failure;
use crate::exit;

/// The longest secret.
const MAX_SECRET: usize = 4096;

/// A secret from where the caller wants it read.
pub(super) fn secret(
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
}
