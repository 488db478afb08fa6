//! One boot: started, read, and ended at the latest when its time is over.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// What `boot.sh` says when all that a boot takes is there.
const READY: &str = "lab: boots ";

/// What the kernel says first of all, once the machine has let it start.
const STARTED: &str = "Linux version ";

/// What a boot takes.
pub(super) struct Machine {
    pub(super) init: Option<&'static str>,
    pub(super) mebibytes: u32,
    /// Time passes only while nothing is to do.
    pub(super) travels: bool,
    /// The devices of Debian's own kernel, where that is booted.
    pub(super) stock: Option<Vec<String>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            init: None,
            mebibytes: 512,
            travels: false,
            stock: None,
        }
    }
}

/// How it ended.
pub(super) enum Ended {
    /// With this on its console.
    Ran(String),
    /// It did not start, for this reason.
    Cannot(String),
}

/// The process group of a boot, which is gone when this is dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(leader) = i32::try_from(self.0.id())
            && matches!(self.0.try_wait(), Ok(None))
        {
            // It may end by itself in between.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
            let _ = self.0.wait();
        }
    }
}

impl Machine {
    /// Boots it with this share. Making the kernel has its own limits.
    pub(super) fn run(&self, share: &Path, limit: Duration) -> Ended {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab");
        let place = share.join("console.log");
        let mut command = Command::new(lab.join("boot.sh"));
        command.arg(share).arg(limit.as_secs().to_string());
        command.env("OMADM_LAB_MEMORY", format!("{}M", self.mebibytes));
        if let Some(init) = self.init {
            command.env("OMADM_LAB_INIT", init);
        }
        if self.travels {
            command.env("OMADM_LAB_TRAVEL", "1");
        }
        if let Some(devices) = &self.stock {
            command.env("OMADM_LAB_STOCK", "1").args(devices);
        }
        let console = File::create(&place).expect("a file");
        command
            .stdin(Stdio::null())
            .stdout(console)
            .process_group(0);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let code = ended(Group(child));
        let text = String::from_utf8_lossy(&fs::read(&place).unwrap_or_default()).into_owned();
        match text.strip_prefix("lab: cannot: ") {
            Some(reason) if code == Some(77) => Ended::Cannot(reason.trim().to_owned()),
            Some(reason) => panic!("the lab cannot be made: {reason}"),
            // Not a matter of this machine.
            None if !text.contains(READY) => panic!("boot.sh failed with {code:?}: {text}"),
            None if !text.contains(STARTED) => {
                let last = text.lines().last();
                let last = last.filter(|line| !line.starts_with(READY));
                let last = last.unwrap_or("it says nothing");
                Ended::Cannot(format!("the kernel does not start here: {last}"))
            }
            None => Ended::Ran(text),
        }
    }
}

fn ended(mut group: Group) -> Option<i32> {
    loop {
        if let Some(status) = group.0.try_wait().expect("a child") {
            return status.code();
        }
        sleep(Duration::from_millis(20));
    }
}
