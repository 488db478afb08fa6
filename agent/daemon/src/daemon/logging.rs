//! Where the log goes: to the journal when that is what stderr is, to stderr otherwise.

use log::{Level, LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

/// Installs the logger; called once.
pub(super) fn install(level: LevelFilter) {
    let target = match connected_to_journal().then(JournalLog::new) {
        Some(Ok(journal)) => Box::new(journal) as Box<dyn Log>,
        _ => Box::new(stderr()),
    };
    // It fails only when a logger is there already, which then serves.
    drop(log::set_boxed_logger(Box::new(Own(target))));
    set(level);
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
        .build()
}

/// Lets libraries through with warnings only: what they would say of a connection at a lower
/// level is not known to be free of secrets.
struct Own(Box<dyn Log>);

impl Log for Own {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let own = metadata.target().starts_with("omadm");
        (own || metadata.level() <= Level::Warn) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}
