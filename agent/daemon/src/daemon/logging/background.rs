//! Says on a thread of its own what is to be said: a journal that hangs, or a terminal that
//! nobody reads, must not hold up the daemon.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Log, Metadata, Record};

/// Records that wait; each is a line and a few fields.
const WAITING: usize = 256;

/// How long the end of the daemon waits for its last words to be said.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lines are formatted and sent, nothing else.
const STACK: usize = 256 * 1024;

/// Hands records to a target that may block, and counts those that find no room.
pub(super) struct Background {
    waiting: Mutex<SyncSender<Order>>,
    lost: AtomicU64,
    patience: Duration,
}

enum Order {
    Say(Owned),
    /// All that came before has been said when this is dropped.
    Flush(#[expect(dead_code, reason = "dropping it is the answer")] SyncSender<()>),
}

/// A record that outlives its call.
struct Owned {
    level: Level,
    target: String,
    module: Option<&'static str>,
    file: Option<&'static str>,
    line: Option<u32>,
    text: String,
    fields: Vec<(String, String)>,
}

impl Background {
    /// The target is made on the thread: even to look for it may hang.
    pub(super) fn new(target: impl FnOnce() -> Box<dyn Log> + Send + 'static) -> io::Result<Self> {
        Self::with(target, PATIENCE)
    }

    fn with(
        target: impl FnOnce() -> Box<dyn Log> + Send + 'static,
        patience: Duration,
    ) -> io::Result<Self> {
        let (waiting, orders) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("log".to_owned());
        thread
            .stack_size(STACK)
            .spawn(move || work(&*target(), &orders))?;
        Ok(Self {
            waiting: Mutex::new(waiting),
            lost: AtomicU64::new(0),
            patience,
        })
    }

    fn order(&self, order: Order) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(waiting.try_send(order), Err(TrySendError::Full(_)))
    }

    /// Says how much was lost, as soon as there is room for it.
    fn own_up(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && !self.order(Order::Say(Owned::lost(lost))) {
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

impl Log for Background {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.own_up();
        if !self.order(Order::Say(Owned::of(record))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything has been said, but no longer than the patience lasts.
    fn flush(&self) {
        self.own_up();
        let (done, said) = sync_channel(0);
        if self.order(Order::Flush(done)) {
            // The end of the channel is the answer.
            let _ = said.recv_timeout(self.patience);
        }
    }
}

fn work(target: &dyn Log, orders: &Receiver<Order>) {
    for order in orders {
        match order {
            Order::Say(owned) => owned.say(target),
            Order::Flush(_) => target.flush(),
        }
    }
}

impl Owned {
    fn of(record: &Record<'_>) -> Self {
        let mut fields = Fields(Vec::new());
        // A source that fails has given what it could.
        let _ = record.key_values().visit(&mut fields);
        Self {
            level: record.level(),
            target: record.target().to_owned(),
            module: record.module_path_static(),
            file: record.file_static(),
            line: record.line(),
            text: record.args().to_string(),
            fields: fields.0,
        }
    }

    fn lost(count: u64) -> Self {
        Self {
            level: Level::Warn,
            target: module_path!().to_owned(),
            module: None,
            file: None,
            line: None,
            text: format!("{count} lines are missing here: the log was not taken in time"),
            fields: Vec::new(),
        }
    }

    fn say(&self, target: &dyn Log) {
        target.log(
            &Record::builder()
                .level(self.level)
                .target(&self.target)
                .module_path_static(self.module)
                .file_static(self.file)
                .line(self.line)
                .key_values(&self.fields)
                .args(format_args!("{}", self.text))
                .build(),
        );
    }
}

struct Fields(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push((key.as_str().to_owned(), value.to_string()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{self, Sender};

    /// Says nothing before it is let go; then tells what it says.
    struct Held {
        go: Mutex<Receiver<()>>,
        said: Sender<String>,
    }

    impl Log for Held {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            // Its end lets everything go.
            let _ = self.go.lock().unwrap().recv();
            let mut fields = Fields(Vec::new());
            record.key_values().visit(&mut fields).unwrap();
            let text = format!("{} {} {:?}", record.level(), record.args(), fields.0);
            self.said.send(text).unwrap();
        }

        fn flush(&self) {}
    }

    fn say(log: &Background, number: usize) {
        let mut record = Record::builder();
        let fields = [("DM_SESSION_ID", "7")];
        record.level(Level::Info).key_values(&fields);
        log.log(&record.args(format_args!("line {number}")).build());
    }

    #[test]
    fn a_journal_that_hangs_holds_nobody_up_and_what_is_lost_is_counted() {
        let (go, held) = mpsc::channel();
        let (said, heard) = mpsc::channel();
        let go_on = Mutex::new(held);
        let log = Background::with(|| Box::new(Held { go: go_on, said }), Duration::ZERO).unwrap();
        // One of them is in the hands of the target at most.
        let many = WAITING + 100;
        for number in 0..many {
            say(&log, number);
        }
        log.flush();
        drop(go);
        assert_eq!(
            heard.recv().unwrap(),
            "INFO line 0 [(\"DM_SESSION_ID\", \"7\")]"
        );
        let mut more = 0;
        let missing = loop {
            // Room comes as it goes on.
            say(&log, many);
            more += 1;
            let text = heard.recv().unwrap();
            if text.starts_with("WARN") {
                break text;
            }
        };
        let count: usize = missing.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((99..100 + more).contains(&count), "{missing}");
        assert!(missing.contains("lines are missing"), "{missing}");
    }

    #[test]
    fn the_end_waits_for_the_last_words() {
        let (_, held) = mpsc::channel();
        let (said, heard) = mpsc::channel();
        let go = Mutex::new(held);
        let minute = Duration::from_mins(1);
        let log = Background::with(|| Box::new(Held { go, said }), minute).unwrap();
        say(&log, 1);
        say(&log, 2);
        log.flush();
        assert_eq!(heard.try_iter().count(), 2);
    }
}
