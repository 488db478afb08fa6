//! Reads the configuration again. A bad one changes nothing.

use omadm_syncml::Now;

use super::agent::Agent;
use super::{logging, notify, status};
use crate::config::{self, Config};
use crate::control::wire::Error;
use crate::event;

impl Agent {
    /// For SIGHUP: the service manager is told how it went.
    pub(super) fn reload_by_signal(&mut self, now: Now) {
        notify::reloading();
        let line = match self.reload(now) {
            Ok(()) => status::line(self),
            Err(_) => "the new configuration is wrong, the old one stays; see the log".to_owned(),
        };
        notify::ready(&line);
    }

    /// Takes over what the configuration says now.
    pub(super) fn reload(&mut self, now: Now) -> Result<(), Error> {
        let new = config::load(self.config_file.as_deref()).map_err(|findings| {
            let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
            for line in &lines {
                log::error!("{line}");
            }
            event::reload_refused();
            Error::Failed(format!("the old configuration stays: {}", lines.join("; ")))
        })?;
        let replan = new.schedule != self.config.schedule
            || new.retry != self.config.retry
            || new.obex.listen != self.config.obex.listen
            || new.account != self.config.account;
        self.config = merged(&self.config, new);
        logging::set(self.config.log_level.into());
        self.lines_due = true;
        if replan {
            self.plan(true, now);
            self.hasten_alerts(now);
        }
        event::reloaded();
        Ok(())
    }
}

/// The new configuration, apart from what is read at the start only.
fn merged(old: &Config, new: Config) -> Config {
    for (key, changed) in [
        ("state-dir", old.state_dir != new.state_dir),
        ("control", old.control != new.control),
        ("device", old.device != new.device),
        ("ddf", old.ddf != new.ddf),
    ] {
        if changed {
            log::warn!("{key} has changed: restart omadmd to apply it");
        }
    }
    Config {
        state_dir: old.state_dir.clone(),
        control: old.control.clone(),
        device: old.device.clone(),
        ddf: old.ddf.clone(),
        ..new
    }
}
