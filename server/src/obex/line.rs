//! A line that is watched: its device is dialled when there is something to dial for.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: the clock, and pauses between tries"
)]

use super::LineAddress;
use super::exchange::{Caller, Met};
use super::repeats::Repeats;
use super::schedule::Schedule;
use crate::error::Error;
use crate::server::Wish;
use crate::session::Phase;
use crate::worker::Worker;
use log::{info, warn};
use omadm_bindings::usb::{Plugged, UsbAddress};
use omadm_syncml::{Initiator, UiMode};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often it is looked whether something waits.
const POLL: Duration = Duration::from_millis(500);

/// A line and what is known of it.
pub(super) struct Line {
    caller: Caller,
    device: Option<String>,
    schedule: Schedule,
    repeats: Repeats,
    began: Instant,
    /// Devices that are plugged in, where that may be the one of this line.
    plugged: Option<Plugged>,
}

impl Line {
    pub(super) fn new(caller: Caller, device: Option<String>, every: Option<Duration>) -> Self {
        let usb = caller.address.as_str().parse::<UsbAddress>();
        Self {
            plugged: usb.ok().as_ref().and_then(Plugged::watch),
            caller,
            device,
            schedule: Schedule::new(every, Duration::ZERO),
            repeats: Repeats::default(),
            began: Instant::now(),
        }
    }

    /// Dials until the server stops.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(error) = self.look().await {
                self.complain(error.to_string());
            }
            if self.pause().await {
                self.schedule.arrived(self.now());
            }
        }
    }

    /// Waits until it is to be looked again, and says whether a device has been plugged in.
    async fn pause(&mut self) -> bool {
        if let Some(plugged) = &mut self.plugged {
            timeout(POLL, plugged.next()).await.is_ok()
        } else {
            sleep(POLL).await;
            false
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        let named = self.device.clone();
        let device = ask(&self.caller.worker, move |server| {
            on_line(named.as_deref(), &server.store().device_ids()?)
        });
        let device = device.await?;
        // A device that is registered later does not make the line doubtful.
        self.device = Some(device.clone());
        if self.waits(&device).await? {
            self.schedule.work();
        }
        if self.schedule.is_due(self.now()) {
            self.dial(device).await?;
        }
        Ok(())
    }

    async fn dial(&mut self, device: String) -> Result<(), Error> {
        let wish = Wish {
            device: device.clone(),
            ui_mode: UiMode::Background,
            initiator: Initiator::Server,
            resync: false,
        };
        match self.caller.call(wish).await {
            Ok(met) => self.met(&device, &met).await,
            Err(failure) => {
                let pause = self.schedule.failed(self.now());
                let text = failure.to_string();
                log::debug!("{}: {device}: again in {pause:?}", self.caller.address);
                self.complain(format!("{device}: {text}; it is tried again"));
                Ok(())
            }
        }
    }

    async fn met(&mut self, device: &str, met: &Met) -> Result<(), Error> {
        if met.phase != Phase::Ended {
            self.schedule.in_vain(self.now());
            let phase = met.phase.as_str();
            self.complain(format!(
                "{device}: the session was {phase}; see `omadm-server session list --device \
                 {device}`"
            ));
            return Ok(());
        }
        let mut text = format!("a session of {} messages has ended", met.messages);
        if let Some(after) = self.repeats.end() {
            text = format!("{text}, {after}");
        }
        info!("{}: {device}: {text}", self.caller.address);
        // What the device leaves over would be sent to it again as fast as the line is.
        if self.waits(device).await? {
            self.schedule.in_vain(self.now());
        } else {
            self.schedule.met(self.now());
        }
        Ok(())
    }

    async fn waits(&self, device: &str) -> Result<bool, Error> {
        let device = device.to_owned();
        ask(&self.caller.worker, move |server| {
            server.store().has_queued_jobs(&device)
        })
        .await
    }

    fn complain(&mut self, text: String) {
        if let Some(text) = self.repeats.say(text) {
            warn!("{}: {text}", self.caller.address);
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Says at the start what can be said of a line then.
pub(super) async fn check(line: &LineAddress, lines: usize, worker: &Worker) -> Result<(), Error> {
    if line.device.is_some() {
        return Ok(());
    }
    let address = &line.address;
    let known = ask(worker, |server| server.store().device_ids()).await?;
    if lines > 1 || known.len() > 1 {
        return Err(Error::Usage(format!(
            "which device is on {address}? Add ?device=ID; {}",
            choices(&known)
        )));
    }
    Ok(())
}

/// The device on a line: the one that is named, or the only one there is.
fn on_line(named: Option<&str>, known: &[String]) -> Result<String, Error> {
    match (named, known) {
        (Some(named), known) if known.iter().any(|id| id == named) => Ok(named.to_owned()),
        (Some(named), known) => Err(Error::NotFound(format!(
            "the device {named} of this line is not registered; {}",
            choices(known)
        ))),
        (None, [only]) => Ok(only.clone()),
        (None, known) => Err(Error::NotFound(format!(
            "which device is on this line? Add ?device=ID; {}",
            choices(known)
        ))),
    }
}

fn choices(known: &[String]) -> String {
    /// More than these fit no line.
    const SHOWN: usize = 20;
    if known.is_empty() {
        return "none is registered: omadm-server device add ID".into();
    }
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    let more = if known.len() > SHOWN { " …" } else { "" };
    format!("registered: {}{more}", shown.join(", "))
}

async fn ask<T: Send + 'static>(
    worker: &Worker,
    question: impl FnOnce(&mut crate::Server) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let answer = worker.ask(question).await;
    answer.unwrap_or_else(|_| Err(super::stopping()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_device_needs_no_name() {
        let known = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(on_line(None, &known(&["a"])).unwrap(), "a");
        assert_eq!(on_line(Some("b"), &known(&["a", "b"])).unwrap(), "b");
        for (named, ids) in [(None, &["a", "b"][..]), (Some("c"), &["a", "b"][..])] {
            let error = on_line(named, &known(ids)).unwrap_err().to_string();
            assert!(error.ends_with("registered: a, b"), "{error}");
        }
        let error = on_line(None, &[]).unwrap_err().to_string();
        assert!(error.contains("device add"), "{error}");
    }
}
