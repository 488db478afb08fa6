//! Says on a thread of its own what is to be said: a journal that hangs, or a terminal that
//! nobody reads, must not hold up the daemon.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Log, Metadata, Record};

/// Records that wait; each is a line and a few fields.
const WAITING: usize = 256;

/// How long a record waits until it has been said, unless others wait already: what follows it
/// may end the daemon. The end of the daemon waits for its last words twice as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lines are formatted and sent, nothing else.
const STACK: usize = 256 * 1024;

/// Hands records to a target that may block, and counts those that find no room.
pub(super) struct Background {
    queue: Mutex<Queue>,
    progress: Arc<Progress>,
    patience: Duration,
}

struct Queue {
    waiting: SyncSender<Owned>,
    /// How many records have found room.
    taken: u64,
    /// How many have not, since that was said last.
    lost: u64,
}

/// How far the thread has come.
#[derive(Default)]
struct Progress {
    said: Mutex<u64>,
    more: Condvar,
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
        let (waiting, records) = sync_channel(WAITING);
        let progress = Arc::new(Progress::default());
        let told = Arc::clone(&progress);
        let thread = thread::Builder::new().name("log".to_owned());
        thread
            .stack_size(STACK)
            .spawn(move || work(&*target(), &records, &told))?;
        Ok(Self {
            queue: Mutex::new(Queue {
                waiting,
                taken: 0,
                lost: 0,
            }),
            progress,
            patience,
        })
    }
}

impl Log for Background {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let record = Owned::of(record);
        let mut queue = lock(&self.queue);
        let keeps_up = *lock(&self.progress.said) == queue.taken;
        queue.push(record);
        let number = queue.taken;
        drop(queue);
        if keeps_up {
            self.progress.wait_for(number, self.patience);
        }
    }

    /// Waits until everything has been said, but no longer than the patience lasts.
    fn flush(&self) {
        let mut queue = lock(&self.queue);
        queue.own_up();
        let number = queue.taken;
        drop(queue);
        self.progress.wait_for(number, self.patience * 2);
    }
}

impl Queue {
    fn push(&mut self, record: Owned) {
        self.own_up();
        if !self.offer(record) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Says how much was lost, as soon as there is room for it.
    fn own_up(&mut self) {
        if self.lost > 0 && self.offer(Owned::lost(self.lost)) {
            self.lost = 0;
        }
    }

    fn offer(&mut self, record: Owned) -> bool {
        match self.waiting.try_send(record) {
            Ok(()) => {
                self.taken += 1;
                true
            }
            Err(TrySendError::Full(_)) => false,
            // The thread has panicked: nothing is said any more, and nobody waits for it.
            Err(TrySendError::Disconnected(_)) => true,
        }
    }
}

impl Progress {
    fn wait_for(&self, number: u64, patience: Duration) {
        let said = lock(&self.said);
        let waited = self
            .more
            .wait_timeout_while(said, patience, |said| *said < number);
        drop(waited);
    }
}

fn work(target: &dyn Log, records: &Receiver<Owned>, progress: &Progress) {
    for record in records {
        record.say(target);
        *lock(&progress.said) += 1;
        progress.more.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

    const MINUTE: Duration = Duration::from_mins(1);

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
    fn what_is_logged_has_been_said() {
        let (_, held) = mpsc::channel();
        let (said, heard) = mpsc::channel();
        let go = Mutex::new(held);
        let log = Background::with(|| Box::new(Held { go, said }), MINUTE).unwrap();
        say(&log, 1);
        assert_eq!(heard.try_iter().count(), 1);
        say(&log, 2);
        assert_eq!(heard.try_iter().count(), 1);
    }

    #[test]
    fn the_end_waits_for_the_last_words() {
        let (go, held) = mpsc::channel();
        let (said, heard) = mpsc::channel();
        let go_on = Mutex::new(held);
        let mut log = Background::with(|| Box::new(Held { go: go_on, said }), Duration::ZERO);
        let log = log.as_mut().unwrap();
        say(log, 1);
        say(log, 2);
        log.flush();
        assert_eq!(heard.try_iter().count(), 0);
        log.patience = MINUTE;
        drop(go);
        log.flush();
        assert_eq!(heard.try_iter().count(), 2);
    }
}
