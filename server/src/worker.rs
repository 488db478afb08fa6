//! The thread that owns the database, so that no flush of the disk stalls a connection.

use crate::clock;
use crate::error::Error;
use crate::server::{Answer, Fault, Request, Server};
use bytes::Bytes;
use log::warn;
use omadm_syncml::MediaType;
use omadm_syncml::auth::HmacHeader;
use tokio::sync::{mpsc, oneshot};

/// Messages that wait for the thread; more are told to come again.
const QUEUE: usize = 64;

/// A message for the thread.
pub(crate) struct Work {
    pub(crate) media_type: MediaType,
    pub(crate) body: Bytes,
    pub(crate) hmac: Option<HmacHeader>,
    pub(crate) token: Option<String>,
    pub(crate) address: String,
    /// The device whose message it must be.
    pub(crate) device: Option<String>,
}

enum Order {
    Answer(Work, oneshot::Sender<Result<Answer, Fault>>),
    Other(Box<dyn FnOnce(&mut Server) + Send>),
    Tidy,
}

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Worker(mpsc::Sender<Order>);

/// The thread itself; it ends when every [`Worker`] is gone.
pub(crate) struct Thread(std::thread::JoinHandle<()>);

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Too many wait already.
    Full,
    /// The thread is gone.
    Gone,
}

impl Worker {
    /// Has a message answered.
    pub(crate) async fn answer(&self, work: Work) -> Result<Result<Answer, Fault>, Busy> {
        let (sender, receiver) = oneshot::channel();
        self.0
            .try_send(Order::Answer(work, sender))
            .map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => Busy::Full,
                mpsc::error::TrySendError::Closed(_) => Busy::Gone,
            })?;
        receiver.await.map_err(|_| Busy::Gone)
    }

    /// Has a message of a line answered, which can wait.
    pub(crate) async fn answer_patiently(&self, work: Work) -> Result<Result<Answer, Fault>, Busy> {
        let (sender, receiver) = oneshot::channel();
        let sent = self.0.send(Order::Answer(work, sender)).await;
        sent.map_err(|_| Busy::Gone)?;
        receiver.await.map_err(|_| Busy::Gone)
    }

    /// Has something else done with the database.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Server) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (sender, receiver) = oneshot::channel();
        let order = Order::Other(Box::new(move |server| drop(sender.send(question(server)))));
        self.0.send(order).await.map_err(|_| Busy::Gone)?;
        receiver.await.map_err(|_| Busy::Gone)
    }

    /// Has old records removed, when there is time for it.
    pub(crate) fn tidy(&self) {
        // A full queue only means that it is done a minute later.
        let _ = self.0.try_send(Order::Tidy);
    }
}

impl Thread {
    /// Waits for its end.
    pub(crate) fn join(self) {
        if self.0.join().is_err() {
            warn!("the database thread ended in disorder");
        }
    }
}

pub(crate) fn start(server: Server) -> Result<(Worker, Thread), Error> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let thread = std::thread::Builder::new()
        .name("database".into())
        .spawn(move || work(server, receiver))
        .map_err(|source| Error::Io {
            what: "cannot start a thread".into(),
            source,
        })?;
    Ok((Worker(sender), Thread(thread)))
}

fn work(mut server: Server, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Answer(work, reply) => {
                // Whoever asked may have hung up; the answer is kept for when it asks again.
                let _ = reply.send(answer(&mut server, &work));
            }
            Order::Other(question) => question(&mut server),
            Order::Tidy => {
                if let Err(error) = server.tidy(clock::now()) {
                    warn!("cannot remove old records: {error}");
                }
            }
        }
    }
}

fn answer(server: &mut Server, work: &Work) -> Result<Answer, Fault> {
    let request = Request {
        media_type: work.media_type,
        body: &work.body,
        hmac: work.hmac.as_ref(),
        token: work.token.as_deref(),
        address: &work.address,
        now: clock::now(),
        random: clock::random().map_err(Fault::Store)?,
    };
    server.answer_from(work.device.as_deref(), &request)
}
