//! Whole sessions that libopenobex and `PyOBEX` carry.

use crate::{SCRIPTS, libopenobex, pyobex};

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use omadm_bindings::SessionOpening;
use omadm_bindings::obex::ObexCredential;
use omadm_syncml::MediaType;
use omadm_tests::canned;
use omadm_tests::line::{End, LineSettings, Relay, socket_pair};
use omadm_tests::process::{Ended, run};
use omadm_tests::waiting::{Script, Waiting};

/// Seconds that a session may take.
const PATIENCE: &str = "10";

/// A foreign stack: how it is found, and the script that drives it.
pub(crate) type Stack = (fn() -> Result<PathBuf, String>, &'static str);

pub(crate) const LIBOPENOBEX: Stack = (libopenobex, "libopenobex_client.py");
pub(crate) const PYOBEX: Stack = (pyobex, "pyobex_client.py");

/// A folder with everything that a script needs for the session that is written down.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    python: PathBuf,
    script: PathBuf,
}

impl Desk {
    pub(crate) fn new(test: &str, (found, script): Stack) -> Option<Self> {
        match found() {
            Ok(python) => Some(Self {
                folder: tempfile::tempdir().unwrap(),
                python,
                script: Path::new(SCRIPTS).join(script),
            }),
            Err(why) => {
                println!("skipped: {test}: {why}");
                None
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, octets: &[u8]) -> String {
        fs::write(self.path(name), octets).unwrap();
        self.path(name).display().to_string()
    }

    pub(crate) fn run(&self, line: &str, mtu: u16, arguments: &[&str]) -> Ended {
        // Neither stack gives up by itself when nothing answers.
        let mut command = Command::new("timeout");
        command
            .args([PATIENCE])
            .arg(&self.python)
            .arg(&self.script)
            .args([line, "--mtu", &mtu.to_string()]);
        run(command.args(arguments))
    }

    /// The session that is written down, over this line.
    pub(crate) fn session(&self, line: &str, media_type: MediaType, mtu: u16) -> Ended {
        let package_0 = canned::package_0("dms.example", "secret", b"nonce", 7);
        let mut arguments = ["session", "--type", media_type.as_str()]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(["--package0".to_owned(), self.write("package0", &package_0)]);
        arguments.extend(["--log".to_owned(), self.folder.path().display().to_string()]);
        arguments.push("--answers".to_owned());
        for (number, answer) in canned::server(media_type).iter().enumerate() {
            arguments.push(self.write(&format!("answer{number}"), &answer.body));
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        self.run(line, mtu, &arguments)
    }
}

pub(crate) fn script(media_type: MediaType) -> Script {
    Arc::new(move |_| canned::device(media_type))
}

/// Both ends have heard what the other said.
pub(crate) fn check(desk: &Desk, device: &Waiting, ended: Ended, media_type: MediaType) {
    assert_eq!(ended.expect_success().trim(), "rounds: 2");
    let heard = device.heard();
    assert!(matches!(&heard.opening, SessionOpening::Notification(octets) if octets.len() == 35));
    assert_eq!(heard.broken, None);
    assert_eq!(heard.messages, canned::server(media_type));
    for (file, said) in ["01-device", "03-device"]
        .iter()
        .zip(canned::device(media_type))
    {
        assert_eq!(fs::read(desk.path(file)).unwrap(), said.body, "{file}");
    }
}

fn a_session(test: &str, stack: Stack) {
    let Some(desk) = Desk::new(test, stack) else {
        return;
    };
    let socket = desk.path("device.sock").display().to_string();
    for media_type in [MediaType::DmWbxml, MediaType::DmXml] {
        let address = format!("unix+obex://{socket}");
        let device = Waiting::at(&address, vec![], script(media_type));
        for mtu in [255, 1024, 65_535] {
            let ended = desk.session(&format!("unix:{socket}"), media_type, mtu);
            check(&desk, &device, ended, media_type);
        }
    }
    let device = Waiting::at(
        "tcp+obex://127.0.0.1:16500",
        vec![],
        script(MediaType::DmWbxml),
    );
    let ended = desk.session("tcp:127.0.0.1:16500", MediaType::DmWbxml, 1024);
    check(&desk, &device, ended, MediaType::DmWbxml);
}

#[test]
fn libopenobex_carries_a_session() {
    a_session("libopenobex_carries_a_session", LIBOPENOBEX);
}

#[test]
fn pyobex_carries_a_session() {
    a_session("pyobex_carries_a_session", PYOBEX);
}

/// libopenobex looks for headers where the fields of CONNECT stand when it is refused, and finds
/// the line broken; `PyOBEX` has the code.
fn without_the_secret(test: &str, stack: Stack, told: &str) {
    let Some(desk) = Desk::new(test, stack) else {
        return;
    };
    let socket = desk.path("device.sock").display().to_string();
    let known = ObexCredential {
        user: "dm".to_owned(),
        secret: omadm_syncml::Secret::from_text("secret"),
    };
    let address = format!("unix+obex://{socket}");
    let _device = Waiting::at(&address, vec![known], script(MediaType::DmWbxml));
    let ended = desk.session(&format!("unix:{socket}"), MediaType::DmWbxml, 1024);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains(told), "{ended:?}");
}

#[test]
fn libopenobex_without_the_secret_ends() {
    let test = "libopenobex_without_the_secret_ends";
    without_the_secret(test, LIBOPENOBEX, "failed under CONNECT");
}

#[test]
fn pyobex_without_the_secret_is_told_so() {
    without_the_secret("pyobex_without_the_secret_is_told_so", PYOBEX, "0xC1");
}

#[test]
fn a_peer_that_breaks_off_keeps_the_next_one_not_out() {
    let Some(desk) = Desk::new(
        "a_peer_that_breaks_off_keeps_the_next_one_not_out",
        LIBOPENOBEX,
    ) else {
        return;
    };
    let socket = desk.path("device.sock").display().to_string();
    let address = format!("unix+obex://{socket}");
    let device = Waiting::at(&address, vec![], script(MediaType::DmWbxml));
    let (mut own, near) = socket_pair().unwrap();
    let far = End::connect(&desk.path("device.sock")).unwrap();
    let relay = Relay::start(near, far, &LineSettings::default()).unwrap();
    own.write_all(b"\x80\0\x13\x10\0\x04\0\x46\0\x0CSYNCML-DM\x83")
        .unwrap();
    let mut answer = [0; 24];
    own.read_exact(&mut answer).unwrap();
    drop((own, relay));
    let ended = desk.session(&format!("unix:{socket}"), MediaType::DmWbxml, 1024);
    check(&desk, &device, ended, MediaType::DmWbxml);
}
