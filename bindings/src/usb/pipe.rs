//! Two ends that block, as one stream that does not: a thread reads, a thread writes.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: threads, and how long they may go on"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::runtime::Handle;

/// What is on its way in each direction: a whole OBEX packet, so that each goes as one transfer.
const BUFFER: usize = 64 * 1024;

/// What is read at once: a whole OBEX packet, and a multiple of every packet of a bulk endpoint, or
/// a longer one than is left room for would be an overflow.
const CHUNK: usize = 64 * 1024;

/// How long what was written may still take once nobody writes any more.
const LINGER: Duration = Duration::from_secs(3);

/// An end that octets come from.
pub(super) trait Source: Send + 'static {
    /// Waits for octets, a quarter of a second at most; 0 when none have come.
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize>;
}

/// An end that octets go to.
pub(super) trait Sink: Send + 'static {
    /// Waits until some octets are taken, a quarter of a second at most, and says how many.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize>;

    /// Marks the end of what was written together, this many octets.
    fn mark(&mut self, written: usize) -> io::Result<()>;
}

/// What a transport and its two threads share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    dropped: bool,
    /// Why an end is no more; it is said once.
    failure: Option<io::Error>,
    /// Somebody waits for octets.
    wanted: bool,
    /// What has been written, and the sink has not taken yet, in octets.
    unsent: usize,
    sending: Sending,
}

/// How the thread that writes fares.
#[derive(Debug, Default, PartialEq, Eq)]
enum Sending {
    /// The sink takes what it is given.
    #[default]
    Flows,
    /// It has just taken nothing for a while.
    Stuck,
    /// The thread has ended.
    Over,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what both threads may wait for.
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn fail(&self, error: io::Error) {
        self.state().failure.get_or_insert(error);
    }

    fn failure(&self) -> Option<io::Error> {
        self.state().failure.take()
    }

    fn is_dropped(&self) -> bool {
        self.state().dropped
    }

    fn is_mute(&self) -> bool {
        self.state().sending == Sending::Over
    }

    /// The sink has taken so much.
    fn sent(&self, written: usize) {
        self.change(|state| {
            state.unsent = state.unsent.saturating_sub(written);
            state.sending = match written {
                0 => Sending::Stuck,
                _ => Sending::Flows,
            };
        });
    }

    /// Waits until it is the other end's turn; `false` when nobody wants its octets any more.
    ///
    /// OBEX has one packet on its way at a time. A host that asks for an answer while it still
    /// sends the question has the device refuse again and again, for which the bus has to take
    /// time from the question. A device that does not take the question may first want to be rid of
    /// something that nobody has asked for.
    fn wait_for_turn(&self) -> bool {
        let turn = self.changed.wait_while(self.state(), |state| {
            let sending = state.unsent > 0 && state.sending == Sending::Flows;
            !state.dropped && (!state.wanted || sending)
        });
        let state = turn.unwrap_or_else(PoisonError::into_inner);
        !state.dropped
    }
}

/// A stream over two ends that block.
///
/// When it is dropped, what was written is still sent, for three seconds at most, and both ends
/// are dropped.
#[derive(Debug)]
pub(super) struct Piped {
    incoming: DuplexStream,
    outgoing: DuplexStream,
    shared: Arc<Shared>,
}

impl Piped {
    /// Must be called in a tokio runtime.
    pub(super) fn start(source: impl Source, sink: impl Sink) -> io::Result<Self> {
        let (incoming, from_source) = duplex(BUFFER);
        let (outgoing, to_sink) = duplex(BUFFER);
        let shared = Arc::new(Shared::default());
        let runtime = Handle::current();
        let (reads, writes) = (Arc::clone(&shared), Arc::clone(&shared));
        let also = runtime.clone();
        // Before the threads, which end with it when the second cannot be had.
        let piped = Self {
            incoming,
            outgoing,
            shared,
        };
        thread("usb-read", move || {
            receive(&runtime, source, from_source, &reads);
        })?;
        thread("usb-write", move || send(&also, sink, to_sink, &writes))?;
        Ok(piped)
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.shared.change(|state| state.dropped = true);
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map(drop)
}

/// Moves what comes until somebody is no longer there.
fn receive(runtime: &Handle, mut source: impl Source, mut to: DuplexStream, shared: &Shared) {
    let mut chunk = vec![0; CHUNK];
    // A chunk that is full is the beginning of a longer transfer.
    let mut more = false;
    while (more && !shared.is_dropped()) || shared.wait_for_turn() {
        match source.read(&mut chunk) {
            // What is not sent is not answered: whoever waits hears why.
            Ok(0) if shared.is_mute() => return,
            Ok(0) => more = false,
            Ok(count) => {
                more = count == chunk.len();
                shared.change(|state| state.wanted = false);
                let octets = chunk.get(..count).unwrap_or_default();
                if runtime.block_on(to.write_all(octets)).is_err() {
                    return;
                }
            }
            Err(error) => return shared.fail(error),
        }
    }
}

/// Moves what is written until somebody is no longer there.
fn send(runtime: &Handle, mut sink: impl Sink, mut from: DuplexStream, shared: &Shared) {
    let mut chunk = vec![0; BUFFER];
    let mut end = None;
    while let Ok(count @ 1..) = runtime.block_on(from.read(&mut chunk)) {
        let octets = chunk.get(..count).unwrap_or_default();
        if let Err(error) = put(&mut sink, octets, shared, &mut end) {
            shared.fail(error);
            break;
        }
    }
    shared.change(|state| state.sending = Sending::Over);
}

/// Writes all of it, unless it takes too long after the end.
fn put(
    sink: &mut impl Sink,
    octets: &[u8],
    shared: &Shared,
    end: &mut Option<Instant>,
) -> io::Result<()> {
    let mut left = octets;
    while !left.is_empty() {
        let written = sink.write(left)?;
        shared.sent(written);
        left = left.get(written..).unwrap_or_default();
        let over = shared.is_dropped();
        if over && Instant::now() >= *end.get_or_insert_with(|| Instant::now() + LINGER) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    sink.mark(octets.len())
}

impl AsyncRead for Piped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.incoming).poll_read(cx, buffer);
        if read.is_pending() {
            self.shared.change(|state| state.wanted = true);
        }
        let read = ready!(read);
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        match self.shared.failure() {
            Some(error) if ended => Poll::Ready(Err(error)),
            Some(error) => {
                // What came before it is still to be read.
                self.shared.fail(error);
                Poll::Ready(read)
            }
            None => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Piped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let shared = Arc::clone(&self.shared);
        // Until it is counted, the thread cannot say that it has sent it.
        let mut state = shared.state();
        let written = ready!(Pin::new(&mut self.outgoing).poll_write(cx, octets));
        if let Ok(count) = written {
            state.unsent = state.unsent.saturating_add(count);
        }
        Poll::Ready(written.map_err(|error| state.failure.take().unwrap_or(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.outgoing).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const PAUSE: Duration = Duration::from_millis(10);

    /// What a test lets come; it fails when the test has dropped its end.
    struct From(mpsc::Receiver<Vec<u8>>);

    impl Source for From {
        fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
            match self.0.recv_timeout(PAUSE) {
                Ok(came) => {
                    octets[..came.len()].copy_from_slice(&came);
                    Ok(came.len())
                }
                Err(mpsc::RecvTimeoutError::Timeout) => Ok(0),
                Err(mpsc::RecvTimeoutError::Disconnected) => Err(io::Error::other("unplugged")),
            }
        }
    }

    /// Takes three octets at once; a mark is an empty one.
    struct To(mpsc::Sender<Vec<u8>>);

    impl Sink for To {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let some = &octets[..octets.len().min(3)];
            let sent = self.0.send(some.to_vec());
            sent.map_err(|_| io::Error::other("unplugged"))?;
            Ok(some.len())
        }

        fn mark(&mut self, _: usize) -> io::Result<()> {
            self.write(&[]).map(drop)
        }
    }

    /// Takes nothing.
    struct Stuck(mpsc::Sender<()>);

    impl Sink for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            std::thread::sleep(PAUSE);
            let _ = self.0.send(());
            Ok(0)
        }

        fn mark(&mut self, _: usize) -> io::Result<()> {
            Ok(())
        }
    }

    type Ends = (Piped, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>);

    fn piped() -> Ends {
        let (from_test, from) = mpsc::channel();
        let (to, to_test) = mpsc::channel();
        let piped = Piped::start(From(from), To(to)).unwrap();
        (piped, from_test, to_test)
    }

    #[tokio::test]
    async fn octets_go_both_ways() {
        let (mut piped, from, to) = piped();
        from.send(b"hello".to_vec()).unwrap();
        let mut read = [0; 5];
        piped.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
        piped.write_all(b"packet").await.unwrap();
        drop(piped);
        let all: Vec<Vec<u8>> = to.iter().collect();
        assert_eq!(all, [b"pac".to_vec(), b"ket".to_vec(), Vec::new()]);
    }

    #[tokio::test]
    async fn why_the_end_is_no_more_is_said_after_what_came() {
        let (mut piped, from, to) = piped();
        from.send(b"last".to_vec()).unwrap();
        drop((from, to));
        let mut read = Vec::new();
        let error = piped.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(
            (read, error.to_string()),
            (b"last".to_vec(), "unplugged".to_owned())
        );
        let mut written = Ok(());
        while written.is_ok() {
            written = piped.write_all(b"more").await;
            tokio::task::yield_now().await;
        }
    }

    /// Takes what it is given when the test says so.
    struct Slow(mpsc::Receiver<()>);

    impl Sink for Slow {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(octets.len())
        }

        fn mark(&mut self, _: usize) -> io::Result<()> {
            let _ = self.0.recv();
            Ok(())
        }
    }

    /// Counts how often it is asked.
    struct Asked(mpsc::Sender<()>);

    impl Source for Asked {
        fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
            self.0.send(()).map_err(io::Error::other)?;
            octets[..2].copy_from_slice(b"ok");
            Ok(2)
        }
    }

    #[tokio::test]
    async fn no_answer_is_asked_for_before_the_question_is_sent_or_before_anybody_reads() {
        let (go, slow) = mpsc::channel();
        let (asked, asks) = mpsc::channel();
        let mut piped = Piped::start(Asked(asked), Slow(slow)).unwrap();
        std::thread::sleep(PAUSE);
        piped.write_all(b"question").await.unwrap();
        let mut answer = [0; 2];
        let early = tokio::time::timeout(PAUSE * 5, piped.read_exact(&mut answer)).await;
        assert!(early.is_err());
        assert!(asks.try_recv().is_err());
        go.send(()).unwrap();
        piped.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ok");
        // The end of the transfer has not been taken, and need not have been.
        drop(go);
        assert!((1..=2).contains(&asks.try_iter().count()));
    }

    #[tokio::test]
    async fn a_device_that_takes_nothing_is_asked_what_it_wants_to_be_rid_of() {
        let (from, source) = mpsc::channel();
        let (stuck, _tries) = mpsc::channel();
        let mut piped = Piped::start(From(source), Stuck(stuck)).unwrap();
        piped.write_all(b"question").await.unwrap();
        from.send(b"of before".to_vec()).unwrap();
        let mut read = [0; 9];
        let patience = Duration::from_secs(20);
        let rid = tokio::time::timeout(patience, piped.read_exact(&mut read)).await;
        rid.unwrap().unwrap();
        assert_eq!(&read, b"of before");
    }

    /// Takes nothing and fails.
    struct Halted;

    impl Sink for Halted {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("halted"))
        }

        fn mark(&mut self, _: usize) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_hears_that_nothing_is_sent() {
        let (_from, source) = mpsc::channel();
        let mut piped = Piped::start(From(source), Halted).unwrap();
        piped.write_all(b"question").await.unwrap();
        let patience = Duration::from_secs(20);
        let read = tokio::time::timeout(patience, piped.read(&mut [0; 2])).await;
        assert_eq!(read.unwrap().unwrap_err().to_string(), "halted");
    }

    #[tokio::test]
    async fn both_ends_are_dropped_with_the_stream() {
        let (piped, from, to) = piped();
        drop(piped);
        assert!(to.recv().is_err());
        while from.send(vec![0]).is_ok() {
            std::thread::sleep(PAUSE);
        }
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_holds_no_thread_for_ever() {
        let (_from_test, from) = mpsc::channel();
        let (stuck, tries) = mpsc::channel();
        let mut piped = Piped::start(From(from), Stuck(stuck)).unwrap();
        piped.write_all(b"packet").await.unwrap();
        drop(piped);
        let began = Instant::now();
        while tries.recv().is_ok() {}
        assert!(began.elapsed() < LINGER + Duration::from_secs(5));
    }
}
