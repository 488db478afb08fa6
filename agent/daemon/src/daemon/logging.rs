//! Where the log goes: to the journal when that is what stderr is, to stderr otherwise.

mod background;
mod repeats;

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use env_logger::fmt::Formatter;
use log::kv::{self, Key, Source, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use self::background::Background;
use self::repeats::Repeats;
use super::clock;
use crate::cli::Harmless;

/// The longest line, in octets: parts of it can be a server's words.
const LONGEST: usize = 4096;

/// Installs the logger; called once.
pub(super) fn install(level: LevelFilter) {
    let target = match Background::new(target) {
        Ok(background) => Box::new(background),
        // Without a thread to spare, the log is worth more than the risk that it hangs.
        Err(_) => target(),
    };
    // It fails only when a logger is there already, which then serves.
    drop(log::set_boxed_logger(Box::new(Own {
        target,
        repeats: Mutex::default(),
    })));
    set(level);
}

fn target() -> Box<dyn Log> {
    match connected_to_journal().then(JournalLog::new) {
        Some(Ok(journal)) => Box::new(journal),
        _ => Box::new(stderr()),
    }
}

/// Changes how much is logged.
pub(super) fn set(level: LevelFilter) {
    log::set_max_level(level);
}

fn stderr() -> env_logger::Logger {
    // `log`'s own maximum decides how much, which a reload can change.
    env_logger::Builder::new()
        .filter_level(LevelFilter::Trace)
        .format_target(false)
        .format_timestamp_millis()
        .format_key_values(append)
        .build()
}

/// Appends the fields of an event. Its number is for programs that search the journal.
fn append(formatter: &mut Formatter, fields: &dyn Source) -> io::Result<()> {
    let mut text = Appended(String::new());
    fields.visit(&mut text).map_err(io::Error::other)?;
    formatter.write_all(text.0.as_bytes())
}

struct Appended(String);

impl<'kvs> VisitSource<'kvs> for Appended {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        use fmt::Write as _;
        if key.as_str() == "MESSAGE_ID" {
            return Ok(());
        }
        let value = value.to_string();
        let plain = |c: char| c.is_alphanumeric() || "-._:/@+".contains(c);
        if value.chars().all(plain) {
            write!(self.0, " {key}={value}")?;
        } else {
            write!(self.0, " {key}={value:?}")?;
        }
        Ok(())
    }
}

/// Lets libraries through with warnings only: what they would say of a connection at a lower
/// level is not known to be free of secrets. Whatever is said is one bounded line that steers
/// no terminal, and a fault that comes again and again is counted instead.
struct Own {
    target: Box<dyn Log>,
    repeats: Mutex<Repeats>,
}

impl Log for Own {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let own = metadata.target().starts_with("omadm");
        (own || metadata.level() <= Level::Warn) && self.target.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = line(record.args());
        if record.level() <= Level::Warn {
            let now = clock::now().boot;
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            let summaries = repeats.summaries(now);
            let admitted = repeats.admit(&text, now);
            drop(repeats);
            self.summarize(summaries);
            if !admitted {
                return;
            }
        }
        let mut own = record.to_builder();
        self.target.log(&own.args(format_args!("{text}")).build());
    }

    fn flush(&self) {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = repeats.rest();
        drop(repeats);
        self.summarize(rest);
        self.target.flush();
    }
}

impl Own {
    fn summarize(&self, summaries: Vec<String>) {
        for text in summaries {
            self.target.log(
                &Record::builder()
                    .level(Level::Warn)
                    .target(module_path!())
                    .args(format_args!("{text}"))
                    .build(),
            );
        }
    }
}

/// The text of a record in one line.
fn line(arguments: &fmt::Arguments<'_>) -> String {
    let mut line = Harmless(&arguments.to_string()).to_string();
    if line.len() > LONGEST {
        line.truncate(line.floor_char_boundary(LONGEST));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Keeps what it is told.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl Log for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            let mut fields = Appended(String::new());
            record.key_values().visit(&mut fields).unwrap();
            let text = format!("{} {}{}", record.level(), record.args(), fields.0);
            self.0.lock().unwrap().push(text);
        }

        fn flush(&self) {}
    }

    fn told(say: impl FnOnce(&dyn Log)) -> Vec<String> {
        let kept = Kept::default();
        let own = Own {
            target: Box::new(kept.clone()),
            repeats: Mutex::default(),
        };
        say(&own);
        own.flush();
        kept.0.lock().unwrap().clone()
    }

    fn say(log: &dyn Log, target: &str, level: Level, text: &str) {
        let mut record = Record::builder();
        record.target(target).level(level);
        log.log(&record.args(format_args!("{text}")).build());
    }

    #[test]
    fn the_words_of_a_stranger_stay_in_one_bounded_line() {
        let told = told(|log| {
            say(log, "omadm", Level::Info, "a\nERROR all is lost\u{1b}[2J");
            say(log, "omadm", Level::Info, &"é".repeat(LONGEST));
        });
        assert_eq!(told[0], "INFO a\\nERROR all is lost\\u{1b}[2J");
        assert!(told[1].len() < LONGEST + 10 && told[1].ends_with('…'));
    }

    #[test]
    fn a_fault_that_repeats_is_counted() {
        let told = told(|log| {
            for _ in 0..1000 {
                say(log, "omadm", Level::Error, "no room");
            }
        });
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(told[5], "WARN 995 times more of late: no room");
    }

    #[test]
    fn libraries_only_warn() {
        let told = told(|log| {
            say(log, "rustls::conn", Level::Info, "a secret");
            say(log, "rustls::conn", Level::Warn, "trouble");
        });
        assert_eq!(told, ["WARN trouble"]);
    }

    #[test]
    fn fields_are_appended_as_words() {
        let told = told(|log| {
            let fields = [
                ("MESSAGE_ID", "00"),
                ("DM_SERVER_ID", "lab.example"),
                ("DM_NODE_URI", "./DMAcc/a b\n"),
            ];
            let mut record = Record::builder();
            record.target("omadm").level(Level::Info);
            record.key_values(&fields);
            log.log(&record.args(format_args!("x")).build());
        });
        let expected = "INFO x DM_SERVER_ID=lab.example DM_NODE_URI=\"./DMAcc/a b\\n\"";
        assert_eq!(told, [expected]);
    }
}
