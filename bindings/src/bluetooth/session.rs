//! The session with BlueZ, one for all of this process.

use super::adapters::told;
use super::bus::Bus;

use bluer::Session;
use std::io;
use tokio::sync::Mutex;

/// A session that is dropped leaves its connection to the bus open (`bluer` 0.17, `session.rs`:
/// the task for method calls keeps it and is never woken again). Whoever waits for an adapter
/// asks every few seconds, and the bus gives one user 256 connections.
static SHARED: Mutex<Option<Shared>> = Mutex::const_new(None);

struct Shared {
    session: Session,
    /// It ends as that of the session does: with the bus, or with the runtime of both.
    bus: Bus,
}

/// The session, which is begun anew when the bus or the runtime is another one.
pub(super) async fn session() -> io::Result<Session> {
    let mut shared = SHARED.lock().await;
    if let Some(Shared { session, bus }) = &*shared
        && !bus.is_gone()
    {
        return Ok(session.clone());
    }
    let bus = Bus::connect().await?;
    let session = Session::new().await.map_err(told)?;
    *shared = Some(Shared {
        session: session.clone(),
        bus,
    });
    Ok(session)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a bus of its own")]
mod tests {
    use super::*;
    use std::fs;
    use std::process::{Child, Command};
    use std::time::Duration;

    /// The variable by which the bus is found, and by which the test knows its own process.
    const ADDRESS: &str = "DBUS_SYSTEM_BUS_ADDRESS";

    struct Daemon(Child);

    impl Drop for Daemon {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn daemon(folder: &std::path::Path) -> Option<Daemon> {
        let configuration = folder.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\"><busconfig>\
             <type>system</type><listen>unix:path={}</listen><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow user=\"*\"/>\
             </policy></busconfig>",
            folder.join("bus").display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--config-file");
        let started = Daemon(command.arg(configuration).spawn().ok()?);
        for _ in 0..500 {
            if folder.join("bus").exists() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    fn open() -> usize {
        fs::read_dir("/proc/self/fd").unwrap().count()
    }

    async fn ask_often() {
        for _ in 0..10 {
            drop((Bus::connect().await.unwrap(), session().await.unwrap()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs in a process of its own: nothing else opens descriptors there, and it finds its bus.
    #[test]
    fn asking_again_and_again_leaves_nothing_open() {
        if let Ok(bus) = std::env::var("OMADM_TEST_BUS") {
            return in_own_process(std::path::Path::new(&bus));
        }
        let folder = tempfile::tempdir().unwrap();
        if Command::new("dbus-daemon")
            .arg("--version")
            .output()
            .is_err()
        {
            return eprintln!("skipped: there is no dbus-daemon");
        }
        let own = std::env::current_exe().unwrap();
        let name = "bluetooth::session::tests::asking_again_and_again_leaves_nothing_open";
        let status = Command::new(own)
            .args(["--exact", name, "--nocapture"])
            .env("OMADM_TEST_BUS", folder.path())
            .env(
                ADDRESS,
                format!("unix:path={}/bus", folder.path().display()),
            )
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn in_own_process(folder: &std::path::Path) {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build().unwrap()
        };
        let first = daemon(folder).unwrap();
        let one = runtime();
        one.block_on(ask_often());
        let before = open();
        one.block_on(ask_often());
        assert_eq!(open(), before);
        // Another runtime, and another bus, are given a session that works.
        drop(one);
        let other = runtime();
        let names = || async { session().await.unwrap().adapter_names().await };
        let answered = other.block_on(names()).unwrap_err();
        assert!(
            answered.to_string().contains("ServiceUnknown"),
            "{answered}"
        );
        drop(first);
        fs::remove_file(folder.join("bus")).ok();
        let _second = daemon(folder).unwrap();
        let answered = other.block_on(async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            names().await
        });
        let answered = answered.unwrap_err();
        assert!(
            answered.to_string().contains("ServiceUnknown"),
            "{answered}"
        );
    }
}
