//! The command line of a modem: typing, echo, the commands and their answers.

use super::Identity;
use super::command::{Command, Commands, Operation};

use crate::serial::entry::{Final, METHODS, Method};

/// Longer than any command has a reason to be.
const MAX_LINE: usize = 512;

/// A line whose answer grows beyond this is cut short, in octets: two octets (`A/`) can ask for it.
const MAX_REPLY: usize = 1024;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;

/// What a user typed and set.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// Empty, or `A`, or what begins with `AT`; printable ASCII.
    line: String,
    /// The line is longer than is kept.
    overlong: bool,
    /// What `A/` repeats, after its `AT`.
    last: String,
    settings: Settings,
}

/// What `ATZ` sets back.
#[derive(Debug, Clone, Copy)]
struct Settings {
    echo: bool,
    verbose: bool,
    quiet: bool,
}

/// What came of a command.
enum Outcome {
    Done,
    Told(Vec<String>),
    Enter(&'static Method),
    Refused,
}

impl Dialogue {
    pub(super) fn new() -> Self {
        Self {
            line: String::new(),
            overlong: false,
            last: String::new(),
            settings: Settings::DEFAULT,
        }
    }

    /// Whether nothing that is a command yet is being typed.
    pub(super) fn is_idle(&self) -> bool {
        self.line.len() < 2
    }

    /// Forgets what was being typed.
    pub(super) fn clear(&mut self) {
        self.line.clear();
        self.overlong = false;
    }

    /// A result as this user wants it.
    pub(super) fn result(&self, result: Final) -> String {
        if self.settings.quiet {
            return String::new();
        }
        result.text(self.settings.verbose)
    }

    /// Takes an octet and adds echo and answers to `reply`; true when OBEX begins.
    pub(super) fn typed(&mut self, octet: u8, identity: &Identity, reply: &mut String) -> bool {
        match octet {
            // CR ends a line; after it, or in its place, some send LF.
            b'\r' | b'\n' if !self.line.is_empty() => {
                self.echo("\r", reply);
                self.ended(identity, reply)
            }
            BACKSPACE | DELETE => {
                if !self.overlong && self.line.pop().is_some() {
                    self.echo("\x08 \x08", reply);
                }
                false
            }
            b' '..=b'~' => self.printable(octet.into(), identity, reply),
            // V.250 5.2.2: control characters are ignored.
            _ => false,
        }
    }

    fn printable(&mut self, typed: char, identity: &Identity, reply: &mut String) -> bool {
        match (self.line.len(), typed.to_ascii_uppercase()) {
            (0, 'A') | (1, 'T' | '/') => {}
            (1, 'A') => return false,
            // Noise, or the words of another modem. Not echoed: two modems at one cable would
            // talk about it for ever.
            (0 | 1, _) => {
                self.clear();
                return false;
            }
            (MAX_LINE.., _) => {
                self.overlong = true;
                return false;
            }
            _ => {}
        }
        self.line.push(typed);
        self.echo(typed.encode_utf8(&mut [0; 4]), reply);
        self.line.eq_ignore_ascii_case("A/") && {
            self.clear();
            let last = self.last.clone();
            self.run(&last, identity, reply)
        }
    }

    fn ended(&mut self, identity: &Identity, reply: &mut String) -> bool {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.overlong) {
            reply.push_str(&self.result(Final::Error));
            return false;
        }
        let Some(commands) = line.get(2..) else {
            return false;
        };
        commands.clone_into(&mut self.last);
        self.run(commands, identity, reply)
    }

    /// Runs the commands of a line up to one that fails or leads into OBEX.
    fn run(&mut self, line: &str, identity: &Identity, reply: &mut String) -> bool {
        let mut end = Final::Ok;
        let mut entered = false;
        for command in Commands::of(line) {
            if reply.len() > MAX_REPLY {
                end = Final::Error;
                break;
            }
            match self.apply(&command, identity) {
                Outcome::Done => continue,
                Outcome::Told(texts) => {
                    self.tell(&texts, reply);
                    continue;
                }
                Outcome::Enter(method) => {
                    end = method.answer;
                    entered = true;
                }
                Outcome::Refused => end = Final::Error,
            }
            break;
        }
        reply.push_str(&self.result(end));
        entered
    }

    fn apply(&mut self, command: &Command, identity: &Identity) -> Outcome {
        match command {
            Command::Basic { name, number } => self.basic(name, *number, identity),
            Command::Extended { name, operation } => extended(name, operation, identity),
            Command::Malformed => Outcome::Refused,
        }
    }

    fn basic(&mut self, name: &str, number: u32, identity: &Identity) -> Outcome {
        match (name, number) {
            ("E", 0 | 1) => self.settings.echo = number == 1,
            ("V", 0 | 1) => self.settings.verbose = number == 1,
            ("Q", 0 | 1) => self.settings.quiet = number == 1,
            ("Z" | "&F", _) => self.settings = Settings::DEFAULT,
            // Hanging up, which is what a user does after the escape.
            ("H", 0) => {}
            ("I", _) => return Outcome::Told(identity.all()),
            _ => return Outcome::Refused,
        }
        Outcome::Done
    }

    fn echo(&self, text: &str, reply: &mut String) {
        if self.settings.echo {
            reply.push_str(text);
        }
    }

    /// Information text in the form of V.250 5.7.
    fn tell(&self, texts: &[String], reply: &mut String) {
        let before = if self.settings.verbose { "\r\n" } else { "" };
        for text in texts {
            reply.push_str(before);
            reply.push_str(text);
            reply.push_str("\r\n");
        }
    }
}

impl Settings {
    const DEFAULT: Self = Self {
        echo: true,
        verbose: true,
        quiet: false,
    };
}

fn extended(name: &str, operation: &Operation, identity: &Identity) -> Outcome {
    if let Some(text) = identity.of(name) {
        return match operation {
            Operation::Execute => Outcome::Told(vec![text]),
            Operation::Test => Outcome::Done,
            _ => Outcome::Refused,
        };
    }
    let value = match operation {
        Operation::Test => return test(name),
        // Which multiplexing it is in: none.
        Operation::Read if name == "^SQWE" => return Outcome::Told(vec!["^SQWE: 0".into()]),
        Operation::Read => return Outcome::Refused,
        Operation::Set(value) if name == "^SQWE" && value == "0" => return Outcome::Done,
        Operation::Set(value) => value.as_str(),
        Operation::Execute => "",
    };
    let method = METHODS
        .iter()
        .find(|method| method.name == name && method.value == value);
    method.map_or(Outcome::Refused, Outcome::Enter)
}

fn test(name: &str) -> Outcome {
    match METHODS.iter().find(|method| method.name == name) {
        Some(method) if method.test.is_empty() => Outcome::Done,
        Some(method) => Outcome::Told(vec![method.test.into()]),
        None => Outcome::Refused,
    }
}
