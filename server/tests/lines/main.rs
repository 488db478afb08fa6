//! The real server and devices on lines, over Unix sockets.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: sockets and deadlines of the tests"
)]

mod device;
mod proxy;
mod site;

use device::{Device, End};
use omadm_bindings::Settings;
use omadm_bindings::obex::ObexCredential;
use omadm_server::store::JobState;
use omadm_syncml::auth::{AuthScheme, Secret};
use omadm_syncml::{NonceUsed, Package0};
use site::{DEVICE, LIMIT, SERVER, SERVER_SECRET, Site};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::time::timeout;

/// No test waits for ever.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
    let done = timeout(LIMIT, work).await;
    done.unwrap_or_else(|_| unreachable!("it takes longer than {LIMIT:?}"))
}

fn on_line(site: &mut Site, options: &[&str]) {
    let address = site.address("device");
    site.start(&[&["--obex", &address], options].concat());
}

#[tokio::test]
async fn a_session_with_two_jobs_and_one_that_comes_later() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    let get = site.get("./A");
    let replace = site.replace("./B", "x".into());
    on_line(&mut site, &[]);
    bounded(device.complete()).await;
    site.until_done(get).await;
    site.until_done(replace).await;
    assert_eq!(device.values, ["x"]);
    assert_eq!(device.notified, [Some(NonceUsed::Stored)]);
    site.until_said("has ended").await;
    // Nothing waits: nobody dials, until something does.
    let idle = timeout(Duration::from_secs(3), device.serve()).await;
    assert!(idle.is_err(), "{idle:?}");
    let later = site.get("./A");
    bounded(device.complete()).await;
    site.until_done(later).await;
    assert_eq!(device.notified, [Some(NonceUsed::Stored); 2]);
    assert_eq!(site.store().sessions(None).unwrap().len(), 2);
    assert!(site.stop("-TERM").success());
}

#[tokio::test]
async fn the_first_contact_needs_no_job_and_resynchronises() {
    let mut site = Site::with(&[]);
    let mut device = Device::new().listens(&site);
    device.server_nonce = b"of another life".to_vec();
    device.nonce = b"of another life".to_vec();
    on_line(&mut site, &["--every", "1"]);
    bounded(device.complete()).await;
    // The device has given a nonce, which the next one is made with.
    bounded(device.complete()).await;
    let expected = [Some(NonceUsed::ResyncOctets), Some(NonceUsed::Stored)];
    assert_eq!(device.notified, expected);
}

#[tokio::test]
async fn a_device_that_is_busy_is_asked_again() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    device.busy = 2;
    let job = site.get("./A");
    on_line(&mut site, &[]);
    assert_eq!(bounded(device.serve()).await, End::Ignored);
    site.until_said("begins no session (0xD3): it is busy, or it doubts the server")
        .await;
    bounded(device.complete()).await;
    site.until_done(job).await;
    let failures = site.log().matches("begins no session").count();
    assert_eq!(failures, 1, "repeats are folded:\n{}", site.log());
}

#[tokio::test]
async fn a_device_that_vanishes_and_comes_back_gets_its_jobs() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    device.vanishes = Some(1);
    let job = site.replace("./B", "x".into());
    on_line(&mut site, &[]);
    assert_eq!(bounded(device.serve()).await, End::Vanished);
    site.until_said("it is tried again").await;
    assert_eq!(site.state(job), JobState::Sent);
    device.listen(&site.address("device"));
    bounded(device.complete()).await;
    site.until_done(job).await;
    assert_eq!(device.values, ["x"]);
}

#[tokio::test]
async fn another_device_on_the_line_gets_nothing() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    device.id = "IMEI:356938035643809";
    let job = site.get("./A");
    on_line(&mut site, &[]);
    assert_eq!(bounded(device.serve()).await, End::Broken);
    site.until_said("it is IMEI:356938035643809 that answers, not IMEI:490154203237518")
        .await;
    assert_eq!(site.state(job), JobState::Queued);
    assert!(site.store().sessions(None).unwrap().is_empty());
}

/// The server dies while the device reads its message, and is there again within a second.
#[tokio::test]
async fn a_server_that_is_killed_in_a_message_completes_the_session() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    let value = "large ".repeat(30_000);
    let job = site.replace("./B", value.clone());
    let path = site.folder.path().to_owned();
    let listener = UnixListener::bind(path.join("cable")).unwrap();
    let line = site.address("cable");
    site.start(&["--obex", &line]);
    let far = path.join("device");
    let pid = site.pid().to_string();
    let cut = async {
        proxy::carry_until(&listener, &far, 90_000).await;
        let killed = site::kill(&pid);
        assert!(killed);
    };
    let (end, ()) = bounded(async { tokio::join!(device.serve(), cut) }).await;
    assert_eq!(end, End::Broken);
    assert!(device.values.is_empty());
    site.reap();
    site.start(&["--obex", &line]);
    bounded(async {
        tokio::select! {
            () = device.complete() => {}
            () = async { loop { proxy::carry(&listener, &far).await } } => {}
        }
    })
    .await;
    site.until_done(job).await;
    assert_eq!(device.values, [value]);
}

/// Both have other ideas of the server's nonce.
#[tokio::test]
async fn two_ignored_notifications_resynchronise() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    device.server_nonce = b"another".to_vec();
    device.nonce = b"another".to_vec();
    let job = site.get("./A");
    on_line(&mut site, &[]);
    bounded(device.complete()).await;
    site.until_done(job).await;
    let expected = [None, None, Some(NonceUsed::ResyncOctets)];
    assert_eq!(device.notified, expected);
    // Both have fresh nonces.
    let job = site.get("./A");
    bounded(device.complete()).await;
    site.until_done(job).await;
    assert_eq!(device.notified.last(), Some(&Some(NonceUsed::Stored)));
}

#[tokio::test]
async fn nonces_are_resynchronised_once_an_hour() {
    let site = Site::new();
    let mut device = Device::new().listens(&site);
    device.server_nonce = b"another".to_vec();
    device.busy = u32::MAX;
    let line = site.address("device");
    for round in 0..6 {
        let words = ["notify", DEVICE, "--line", &line];
        let dial = site.run_beside(&words);
        let (end, output) = bounded(async { tokio::join!(device.serve(), dial) }).await;
        assert_eq!(end, End::Ignored, "{round}");
        assert_eq!(output.status.code(), Some(69), "{output:?}");
    }
    let expected = [false, false, true, false, false, false];
    assert_eq!(device.resyncs(), expected);
}

#[tokio::test]
async fn a_digest_goes_with_each_message_both_ways() {
    let mut site = Site::with(&[
        "--auth",
        "hmac",
        "--server-auth",
        "hmac",
        "--server-nonce",
        "TjE=",
        "--replace",
    ]);
    let mut device = Device::new().listens(&site);
    device.scheme = AuthScheme::Hmac;
    let job = site.get("./A");
    on_line(&mut site, &[]);
    bounded(device.complete()).await;
    site.until_done(job).await;
    assert!(device.signed >= 2, "{}", device.signed);
    let log = site.log();
    assert!(!log.contains("not authenticated"), "{log}");
}

#[tokio::test]
async fn a_device_may_dial() {
    let mut site = Site::new();
    let job = site.get("./A");
    let address = site.address("server");
    site.start(&["--obex-listen", &address]);
    site.until_said("waits for a peer").await;
    let target = address.parse().unwrap();
    let bearer = bounded(omadm_bindings::open(&target, &Settings::default())).await;
    let mut device = Device::new();
    let end = bounded(device.hold(bearer.unwrap(), "1", 1201)).await;
    assert_eq!(end, End::Completed);
    site.until_done(job).await;
    site.until_said("has ended").await;
}

#[tokio::test]
async fn a_device_that_wants_proof_in_obex_gets_it() {
    let mut site = Site::new();
    let mut device = Device::new();
    device.obex = Some(ObexCredential {
        user: "lab".into(),
        secret: Secret::from_text("battery staple"),
    });
    let mut device = device.listens(&site);
    let job = site.get("./A");
    on_line(&mut site, &[]);
    site.until_said("OBEX name and secret").await;
    // Given while the server runs.
    site.give_obex("lab", "battery staple");
    bounded(device.complete()).await;
    site.until_done(job).await;
}

#[tokio::test]
async fn a_line_is_stopped_in_the_middle_of_a_session() {
    let mut site = Site::new();
    let mut device = Device::new().listens(&site);
    device.credulous = true;
    on_line(&mut site, &[]);
    // The device thinks until the server is gone.
    let arrival = bounded(device.arrival()).await;
    assert!(site.stop("-TERM").success());
    drop(arrival);
}

#[tokio::test]
async fn notify_dials_once_and_says_how_it_went() {
    let site = Site::new();
    let mut device = Device::new().listens(&site);
    let job = site.get("./A");
    let line = site.address("device");
    let words = [
        "notify",
        DEVICE,
        "--line",
        &line,
        "--ui",
        "informative",
        "--json",
    ];
    let dial = site.run_beside(&words);
    let ((), output) = bounded(async { tokio::join!(device.complete(), dial) }).await;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["phase"], "ended");
    assert_eq!(said["messages"], 2);
    assert_eq!(said["session"]["authenticated"], true);
    assert_eq!(site.state(job), JobState::Done);
}

#[test]
fn notify_writes_a_file_for_the_device() {
    let site = Site::new();
    let words = ["notify", DEVICE, "--to", "p0", "--ui", "interactive"];
    let said = site.json(&words);
    let octets = site.file("p0");
    let package = Package0::parse(&octets).unwrap();
    let secret = Secret::from_text(SERVER_SECRET);
    assert_eq!(
        package.verify(&[SERVER], &secret, b"N1"),
        Some(NonceUsed::Stored)
    );
    let notification = package.notification();
    assert_eq!(said["session_id"], notification.session_text());
    assert_eq!(notification.ui_mode, omadm_syncml::UiMode::UserInteraction);
    let output = site.run(&["notify", DEVICE, "--to", "-", "--resync"]);
    let package = Package0::parse(&output.stdout).unwrap();
    let used = package.verify(&[SERVER], &secret, b"N1");
    assert_eq!(used, Some(NonceUsed::ResyncOctets));
    let output = site.run(&["notify", DEVICE, "--to", "-", "--resync"]);
    assert_eq!(output.status.code(), Some(75));
    let output = site.run(&["notify", "nobody", "--to", "-"]);
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn a_doubtful_line_is_refused_at_the_start() {
    let site = Site::new();
    site.run(&["device", "add", "second"]);
    let line = site.address("device");
    let output = site.run(&["serve", "--no-http", "--obex", &line]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{errors}");
    assert!(errors.contains("IMEI:490154203237518, second"), "{errors}");
    let output = site.run(&["serve", "--no-http"]);
    assert_eq!(output.status.code(), Some(64));
    let output = site.run(&["serve", "--obex", "http://127.0.0.1/"]);
    assert_eq!(output.status.code(), Some(64));
}
