//! The program `omadm-server` as devices and people meet it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: processes, sockets and files of the tests"
)]
#![expect(
    clippy::format_push_string,
    reason = "documents of a test are put together as they read"
)]

mod support;

use omadm_syncml::MediaType;
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{
    DEVICE, Device, Site, commands, connect, exchange, header_code, obedience, package_1,
    post_head, response, split,
};

#[test]
fn a_session_from_challenge_to_result() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    let get = site.json(&["job", "add", DEVICE, "get", "./DevDetail/SwV"])["job"].to_string();
    site.run(&["job", "add", DEVICE, "replace", "./A", "--value", "x"]);

    let mut stream = connect(&site.url);
    let reply = device.begin(&mut stream);
    let names: Vec<&str> = commands(&reply).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["Get", "Replace"]);
    let reply = device.send(&mut stream, false, &obedience(&reply));
    assert_eq!(header_code(&reply), "200");
    assert!(reply.is_final && commands(&reply).is_empty());

    let shown = site.json(&["job", "show", &get]);
    assert_eq!(shown["state"], "done");
    assert_eq!(shown["statuses"][0]["status"], 200);
    assert_eq!(shown["results"][0]["uri"], "./DevDetail/SwV");
    assert_eq!(shown["results"][0]["value"], "7");
    site.run(&["job", "wait", "1", "2", "--timeout", "5"]);
    let shown = site.json(&["device", "show", DEVICE]);
    assert_eq!(shown["dev_info"]["Man"], "Acme");

    let text = site.run(&["session", "show", "1"]);
    assert!(text.contains("<Data>(hidden)</Data>"), "{text}");
    assert!(text.contains("<<<") && text.contains(">>>"), "{text}");

    // The nonce of 212 holds for the next session: no challenge.
    device.hang_up();
    let first = device.send(&mut stream, true, &package_1());
    assert_eq!(header_code(&first), "212");
}

#[test]
fn an_identical_message_gets_the_identical_answer() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    site.run(&["job", "add", DEVICE, "get", "./DevDetail/SwV"]);
    let mut stream = connect(&site.url);
    let reply = device.begin(&mut stream);
    device.message(false, &obedience(&reply));
    let request = device.request();
    let first = exchange(&mut stream, &request);
    // The answer was lost; the same octets come on another connection.
    let second = exchange(&mut connect(&site.url), &request);
    assert_eq!(first.body, second.body);
    assert_eq!(
        site.json(&["job", "show", "1"])["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let other = String::from_utf8(request)
        .unwrap()
        .replace("<Data>7<", "<Data>8<");
    let refused = exchange(&mut stream, other.as_bytes());
    let refused = device.hear(&refused);
    assert_eq!(header_code(&refused), "400");
    assert_eq!(site.json(&["job", "show", "1"])["results"][0]["value"], "7");
}

#[test]
fn wbxml_is_answered_in_wbxml() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    device.media_type = MediaType::DmWbxml;
    site.run(&["job", "add", DEVICE, "get", "./DevDetail/SwV"]);
    let mut stream = connect(&site.url);
    let reply = device.begin(&mut stream);
    device.send(&mut stream, false, &obedience(&reply));
    assert_eq!(site.json(&["job", "show", "1"])["state"], "done");
    assert_eq!(site.json(&["device", "show", DEVICE])["encoding"], "wbxml");
}

#[test]
fn a_session_outlives_the_process() {
    let mut site = Site::serving(&[]);
    let mut device = site.device();
    site.run(&["job", "add", DEVICE, "get", "./DevDetail/SwV"]);
    let reply = device.begin(&mut connect(&site.url));
    let answered = device.message(false, &obedience(&reply));
    let path = device.url.split_once("/dm").unwrap().1.to_owned();
    site.stop("-KILL");
    site.serve(&[]);
    // Another process, another port, the same session.
    device.url = format!("{}{path}", site.url);
    device.last = answered;
    let reply = exchange(&mut connect(&site.url), &device.request());
    assert_eq!(header_code(&device.hear(&reply)), "200");
    assert_eq!(site.json(&["job", "show", "1"])["state"], "done");
}

#[test]
fn https_with_a_certificate_of_ones_own() {
    let mut site = Site::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = site.folder.path().to_owned();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    site.serve(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    assert!(site.url.starts_with("https://127.0.0.1:"), "{}", site.url);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(session, connect(&site.url));

    let mut device = site.device();
    site.run(&["job", "add", DEVICE, "get", "./DevDetail/SwV"]);
    let reply = device.begin(&mut stream);
    assert!(device.url.starts_with("https://"), "{}", device.url);
    device.send(&mut stream, false, &obedience(&reply));
    assert_eq!(site.json(&["job", "show", "1"])["state"], "done");

    // Plain HTTP on that port gets no message.
    let mut plain = connect(&site.url);
    plain.write_all(b"POST /dm HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[test]
fn requests_that_are_no_messages_are_told_so() {
    let site = Site::serving(&["--max-message", "4096"]);
    let (host, path) = split(&site.url);
    let xml = "application/vnd.syncml.dm+xml";
    let ask = |request: String| exchange(&mut connect(&site.url), request.as_bytes());
    let status = |request: String| ask(request).status;

    let elsewhere = site.url.replace("/dm", "/other");
    assert_eq!(status(post_head(&elsewhere, xml, 0)), 404);
    let get = ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(status(post_head(&site.url, "text/html", 2) + "hi"), 415);
    let compressed =
        post_head(&site.url, xml, 2).replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    assert_eq!(status(compressed + "hi"), 415);
    assert_eq!(status(post_head(&site.url, xml, 2) + "hi"), 400);
    assert_eq!(
        status(post_head(&site.url, xml, 5000)),
        413,
        "before the body is sent"
    );
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {xml}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    assert_eq!(
        status(format!(
            "{chunked}2000\r\n{}\r\n0\r\n\r\n",
            "x".repeat(0x2000)
        )),
        413
    );
    assert_eq!(status(format!("{chunked}2\r\nhi\r\n0\r\n\r\n")), 400);
    assert_eq!(status("nonsense\r\n\r\n".into()), 400);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let site = Site::serving(&[]);
    let xml = "application/vnd.syncml.dm+xml";
    let head = post_head(&site.url, xml, 2);
    let with = |field: &str| head.replace("\r\n\r\n", &format!("\r\n{field}\r\n\r\n")) + "hi";
    let status = |request: String| exchange(&mut connect(&site.url), request.as_bytes()).status;
    assert_eq!(status(with(&format!("X-A: {}", "x".repeat(20_000)))), 431);
    assert_eq!(status(with(&["X-A: x"; 200].join("\r\n"))), 431);
    assert_eq!(status(with("X-A: x")), 400, "read, and no message");
}

#[test]
fn one_connection_too_many_is_told_to_come_again() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    device.message(false, &package_1());
    let request = device.request();
    let mut idle: Vec<_> = (0..256).map(|_| connect(&site.url)).collect();
    let busy = exchange(&mut connect(&site.url), &request);
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("5")));
    assert_eq!(busy.header("connection"), Some("close"));
    // A device that is served already goes on, and a place that is given up is taken.
    let answer = exchange(&mut idle[0], &request);
    assert_eq!(header_code(&device.hear(&answer)), "407");
    idle.pop();
    let served = || exchange(&mut connect(&site.url), &request).status == 200;
    let end = Instant::now() + Duration::from_secs(20);
    while !served() {
        assert!(Instant::now() < end, "the place is not taken");
    }
}

#[test]
fn media_types_are_taken_as_peers_send_them_and_answered_exactly() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    device.message(false, &package_1());
    for media_type in [
        "application/vnd.syncml+xml",
        "Application/VND.syncml.dm+XML; charset=utf-8",
    ] {
        let head = post_head(&site.url, media_type, device.last.len());
        let answer = exchange(
            &mut connect(&site.url),
            &[head.as_bytes(), &device.last].concat(),
        );
        assert_eq!(header_code(&device.hear(&answer)), "407");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_body_that_stops_early_is_no_message() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    device.message(false, &package_1());
    let mut stream = connect(&site.url);
    let request = device.request();
    stream.write_all(&request[..request.len() - 5]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = response(&mut stream);
    assert!(answer.is_err() || answer.unwrap().status == 400);
    assert_eq!(site.json(&["session", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn many_small_exchanges_do_not_wait_for_acknowledgements() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    device.message(false, &package_1());
    let request = device.request();
    let mut stream = connect(&site.url);
    stream.set_nodelay(true).unwrap();
    exchange(&mut stream, &request);
    let start = Instant::now();
    for _ in 0..50 {
        exchange(&mut stream, &request);
    }
    // Two segments and a delayed acknowledgement would take 40 ms each.
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn the_command_line_works_beside_the_server() {
    let site = Site::serving(&[]);
    let mut device = site.device();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            site.command(&["job", "add", DEVICE, "get", "./DevDetail/SwV"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut stream = connect(&site.url);
    let mut reply = device.begin(&mut stream);
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    for _ in 0..6 {
        reply = device.send(&mut stream, false, &obedience(&reply));
        if commands(&reply).is_empty() {
            break;
        }
    }
    let jobs = site.json(&["job", "list", "--state", "done"]);
    assert_eq!(jobs.as_array().unwrap().len(), 4);
}

#[test]
fn it_stops_in_order_when_it_is_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let mut site = Site::serving(&[]);
        // An idle connection does not hold it up.
        let idle = connect(&site.url);
        let start = Instant::now();
        assert_eq!(site.stop(signal).code(), Some(0), "{signal}");
        assert!(start.elapsed() < Duration::from_secs(5));
        drop(idle);
    }
}

#[test]
fn errors_have_their_exit_codes_and_say_what_to_do() {
    let site = Site::serving(&[]);
    let check = |words: &[&str], code: i32, says: &str| {
        let output = site.fail(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {errors}");
        assert!(errors.contains(says), "{words:?}: {errors}");
    };
    let host = split(&site.url).0;
    check(
        &["serve", "--listen", host, "--db", "other.db"],
        69,
        "--listen",
    );
    check(
        &["serve", "--tls-cert", "c.pem", "--tls-key", "k.pem"],
        66,
        "c.pem",
    );
    check(&["frobnicate"], 64, "frobnicate");
    check(
        &["job", "add", "nobody", "get", "./A"],
        65,
        "device add nobody",
    );
    check(&["device", "show", "nobody"], 65, "nobody");
    check(&["job", "show", "99"], 65, "job list");
    check(&["session", "show", "99"], 65, "session list");
    check(&["device", "list", "--db", "missing.db"], 65, "missing.db");
    check(
        &["device", "add", "x", "--secret-file", "missing"],
        66,
        "missing",
    );
    site.device();
    check(&["device", "add", DEVICE], 64, "--replace");
    site.run(&["job", "add", DEVICE, "get", "./A"]);
    check(&["job", "wait", "1", "--timeout", "0"], 75, "job 1");
    site.run(&["job", "cancel", "1"]);
    check(&["job", "wait", "1"], 1, "cancelled");
    check(&["job", "cancel", "1"], 1, "cancelled");
    std::fs::write(site.folder.path().join("text.db"), "x".repeat(200)).unwrap();
    check(&["device", "list", "--db", "text.db"], 78, "--db");
}

#[test]
fn secrets_may_come_over_standard_input() {
    let site = Site::serving(&[]);
    let words = [
        "device",
        "add",
        DEVICE,
        "--secret-file",
        "-",
        "--server-secret-file",
        "-",
    ];
    let mut command = site.command(&words);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"mine\ntheirs\n").unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    Device::new(&site.url, "mine").begin(&mut connect(&site.url));
}

#[test]
fn the_printed_line_makes_a_fitting_account() {
    let site = Site::serving(&[]);
    let text = site.run(&["device", "add", DEVICE, "--user", "gate way"]);
    let line = text.lines().last().unwrap().trim();
    assert!(line.starts_with("printf '%s\\n' "), "{line}");
    for part in [
        "| omadm account add lab.example --server-id lab.example",
        &format!("--address {} --allow-http", site.url),
        "--client-name 'gate way' --client-secret-file -",
        "--server-auth md5 --server-name lab.example --server-secret-file -",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // Secrets are on standard input alone, and printed this once.
    let secrets = line.split(" | ").next().unwrap();
    assert_eq!(secrets.split(' ').count(), 4);
    let secret = secrets.rsplit(' ').next().unwrap();
    let shown = site.run(&["device", "show", DEVICE]) + &site.run(&["device", "list", "--json"]);
    assert!(!shown.contains(secret));
}

/// A few hundred mutated messages: the server answers each or hangs up, and goes on.
#[test]
fn bad_input_does_not_bring_it_down() {
    let mut site = Site::serving(&["--max-message", "65536"]);
    let mut device = site.device();
    site.run(&["job", "add", DEVICE, "get", "./DevDetail/SwV"]);
    let reply = device.begin(&mut connect(&site.url));
    let message = device.message(false, &obedience(&reply));
    let mut seed = 0x5EED_u64;
    let mut roll = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % sides
    };
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..400 {
        let mut octets = message.clone();
        for _ in 0..=roll(3) {
            let at = roll(octets.len());
            match roll(3) {
                0 => octets[at] = u8::try_from(32 + roll(96)).unwrap(),
                1 => drop(octets.drain(at..(at + roll(40)).min(octets.len()))),
                _ => octets.insert(at, u8::try_from(roll(256)).unwrap()),
            }
        }
        let media_type = [
            "application/vnd.syncml.dm+xml",
            "application/vnd.syncml.dm+wbxml",
        ][roll(8) / 7];
        let length = if roll(10) == 0 {
            roll(2 * octets.len())
        } else {
            octets.len()
        };
        let mut stream = connect(&site.url);
        let head = post_head(&device.url, media_type, length);
        // The server may hang up while this is written: that is its right.
        let _ = stream.write_all(&[head.as_bytes(), &octets].concat());
        if length > octets.len() {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        codes.insert(response(&mut stream).map_or(0, |answer| answer.status));
    }
    assert!(site.is_running());
    assert!(codes.contains(&200) && codes.contains(&400), "{codes:?}");
    assert!(codes.is_subset(&[0, 200, 400].into()), "{codes:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 64 << 10, "{peak}");
    // And it still works.
    site.run(&["device", "add", DEVICE, "--replace", "--secret", "new"]);
    let mut device = Device::new(&site.url, "new");
    device.session_id = 77;
    device.begin(&mut connect(&site.url));
}
