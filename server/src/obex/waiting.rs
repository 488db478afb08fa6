//! Devices that dial: each begins with its first message.
#![expect(clippy::disallowed_methods, reason = "driver: a task for each device")]

use super::exchange::Talk;
use super::failure::Failure;
use crate::worker::Worker;
use log::{debug, info, warn};
use omadm_bindings::{Arrival, Bearer, BearerEvent, SessionOpening};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a device may take to fetch the last message.
const FETCHING: Duration = Duration::from_mins(1);

/// Serves whoever arrives.
pub(super) async fn receive(
    mut arrived: mpsc::Receiver<Arrival>,
    worker: Worker,
    patience: Duration,
) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = sessions.join_next() => {}
            arrival = arrived.recv() => match arrival {
                Some(arrival) => { sessions.spawn(serve(arrival, worker.clone(), patience)); }
                None => return,
            }
        }
    }
}

async fn serve(arrival: Arrival, worker: Worker, patience: Duration) {
    let line = arrival.address;
    if arrival.opening != SessionOpening::Message {
        debug!(
            "{line}: a device has no business with {:?}",
            arrival.opening
        );
        return;
    }
    let mut talk = Talk::new(worker, line.clone(), None);
    if let Err(failure) = converse(arrival.bearer, &mut talk, patience).await {
        warn!("{line}: {failure}");
    } else {
        info!("{line}: a session of {} messages has ended", talk.messages);
    }
}

/// Answers until the device has gone. The bearer is held until then: what it has not fetched yet
/// would be lost.
async fn converse(mut bearer: Bearer, talk: &mut Talk, patience: Duration) -> Result<(), Failure> {
    let mut over = false;
    loop {
        let limit = if over {
            FETCHING.min(patience)
        } else {
            patience
        };
        match timeout(limit, bearer.events.recv()).await {
            Ok(Some(BearerEvent::Message(message))) => {
                let turn = talk.answer(message).await?;
                over = turn.is_last();
                if bearer.out.send(turn.envelope).await.is_err() {
                    debug!("the device has hung up");
                }
            }
            Ok(Some(BearerEvent::Closed(Err(error)))) if !over => {
                return Err(Failure::Line(error));
            }
            Err(_) if !over => return Err(Failure::Silent(limit)),
            Ok(Some(BearerEvent::Closed(_)) | None) | Err(_) => return Ok(()),
        }
    }
}
