//! A device that is unplugged and comes back.

use crate::pair::{address, device, within};

use log::{Level, Log, Metadata, Record};
use omadm_bindings::serial::Waiting;
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::sleep;

struct Lines(Mutex<Vec<(Level, String)>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.level(), record.args().to_string());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn a_device_is_waited_for_and_two_lines_say_so() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("ttyUSB0");
    let shown = link.to_str().unwrap().to_owned();
    let mut waiting = Waiting::new(address(&shown, "baud=115200"));
    let (path, peer, _slave) = device();
    let plugged = tokio::spawn({
        let link = link.clone();
        async move {
            sleep(Duration::from_millis(1500)).await;
            symlink(path, link).unwrap();
        }
    });
    let port = within(waiting.open(|_| ())).await;
    plugged.await.unwrap();
    drop((port, peer));
    let lines = LINES.0.lock().unwrap();
    let ours: Vec<_> = lines
        .iter()
        .filter(|(_, line)| line.contains(&shown))
        .collect();
    assert_eq!(
        ours,
        [
            &(Level::Warn, format!("{shown} is not there: waiting for it")),
            &(Level::Info, format!("{shown} is back")),
        ]
    );
}
