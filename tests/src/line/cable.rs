//! A serial cable between two terminals that have names of their own.
#![expect(clippy::disallowed_methods, reason = "driver: links for tests")]

use super::{Counts, LineSettings, Relay, terminal};

use std::io;
use std::path::{Path, PathBuf};

/// A cable whose ends are found at two paths as long as it is plugged in.
pub struct Cable {
    paths: [PathBuf; 2],
    relay: Option<Relay>,
}

impl Cable {
    /// Plugs one in; its ends are `near` and `far` in the folder.
    pub fn new(folder: &Path, settings: &LineSettings) -> io::Result<Self> {
        let paths = [folder.join("near"), folder.join("far")];
        let mut cable = Self { paths, relay: None };
        cable.plug(settings)?;
        Ok(cable)
    }

    /// Where the end with this number is found, 0 or 1.
    pub fn path(&self, end: usize) -> &Path {
        let [near, far] = &self.paths;
        if end == 0 { near } else { far }
    }

    /// What it has carried since it was plugged in.
    pub fn counts(&self) -> Counts {
        self.relay
            .as_ref()
            .map_or_else(Counts::default, Relay::counts)
    }

    /// Whether the plug is out.
    pub fn is_out(&self) -> bool {
        self.relay.as_ref().is_none_or(Relay::has_ended)
    }

    /// Pulls the plug: whoever has an end open is hung up on, and the paths are gone.
    pub fn unplug(&mut self) {
        for path in &self.paths {
            // It may be gone.
            let _ = std::fs::remove_file(path);
        }
        self.relay = None;
    }

    /// Plugs it in again, as new terminals behind the same paths.
    pub fn plug(&mut self, settings: &LineSettings) -> io::Result<()> {
        self.unplug();
        let (near, near_name) = terminal()?;
        let (far, far_name) = terminal()?;
        self.relay = Some(Relay::start(near, far, settings)?);
        for (path, name) in self.paths.iter().zip([near_name, far_name]) {
            std::os::unix::fs::symlink(name, path)?;
        }
        Ok(())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.unplug();
    }
}
