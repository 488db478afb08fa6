//! What the kernel does not answer to `omadmd`, which has no capabilities: the rights, the program
//! `omadm-helper` that has one of them at a time, and how the daemon asks it.
//!
//! Each right is a socket, a hardened unit and a Varlink interface of its own with a closed list
//! of requests. No request carries a path, a command or anything else that the helper would open.

mod ask;
mod crash_records;
pub mod doctor;
mod gadget;
mod kernel_log;
mod line;
mod listen;
mod options;
mod program;
mod pss;
mod request;
mod serve;
pub mod wire;

use std::path::{Path, PathBuf};

use omadm_probes::Sources;

pub use ask::{AskError, GadgetSocket, HelperSocket, ask, ask_with_descriptor};
pub use program::main;

/// Where the sockets of the rights are on an installed system.
pub const DIRECTORY: &str = "/run/omadm-rights";

/// One thing that takes more rights than the daemon has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Proportional and unique set size of any process.
    Pss,
    /// The kernel's log.
    Kmsg,
    /// What the kernel kept of a crash.
    Pstore,
    /// This machine as a USB device.
    Gadget,
}

impl Right {
    /// Every right that the helper can exercise.
    pub const ALL: [Self; 4] = [Self::Pss, Self::Kmsg, Self::Pstore, Self::Gadget];

    /// The name of its socket, and the argument of `omadm-helper`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pss => "pss",
            Self::Kmsg => "kmsg",
            Self::Pstore => "pstore",
            Self::Gadget => "gadget",
        }
    }

    /// The right of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }

    /// The Varlink interface of its requests.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Pss => "io.omadm.Rights.Pss",
            Self::Kmsg => "io.omadm.Rights.Kmsg",
            Self::Pstore => "io.omadm.Rights.Pstore",
            Self::Gadget => "io.omadm.Rights.Gadget",
        }
    }

    /// The text of the interface, as it is shipped and as the helper answers it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Pss => include_str!("../../varlink/io.omadm.Rights.Pss.varlink"),
            Self::Kmsg => include_str!("../../varlink/io.omadm.Rights.Kmsg.varlink"),
            Self::Pstore => include_str!("../../varlink/io.omadm.Rights.Pstore.varlink"),
            Self::Gadget => include_str!("../../varlink/io.omadm.Rights.Gadget.varlink"),
        }
    }

    /// Where it is asked for, below the directory of the sockets.
    pub fn socket(self, directory: &Path) -> PathBuf {
        directory.join(self.name())
    }

    /// The unit that listens there.
    pub fn unit(self) -> String {
        format!("omadm-helper-{}.socket", self.name())
    }
}

/// This machine, with the rights of this process and those of the helpers in this directory.
pub fn sources(directory: &Path) -> Sources {
    Sources {
        privileged: Some(Box::new(HelperSocket::new(directory))),
        ..Sources::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_known_by_its_name_and_described() {
        for right in Right::ALL {
            assert_eq!(Right::parse(right.name()), Some(right));
            let heading = format!("interface {}\n", right.interface());
            assert!(right.description().contains(&heading), "{right:?}");
            let first = match right {
                Right::Gadget => "method Up(",
                _ => "method Read(",
            };
            assert!(right.description().contains(first), "{right:?}");
        }
        assert_eq!(Right::parse("root"), None);
    }
}
