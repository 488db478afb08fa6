//! Goodput of OBEX on serial lines, beside libopenobex on the same line and a plain copy over it,
//! and round trips of messages beside the fewest that there can be.

#![expect(clippy::disallowed_types, reason = "driver: opens sockets")]

use omadm_bindings::SessionOpening;
use omadm_bindings::obex::{ClientParameters, ClientTimeouts, Framing, ObexLine, TARGET_DM};
use omadm_syncml::{Envelope, MediaType};
use omadm_tests::line::{End, LineSettings, Relay, socket_pair, sockets, terminal};
use omadm_tests::process::run;
use omadm_tests::rounds::{fewest_to_get, fewest_to_put};
use omadm_tests::waiting::{Waiting, runtime};
use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZE: usize = 1 << 20;
const RATES: [u32; 2] = [921_600, 115_200];
/// Adapters that are set to low latency, and those that are not.
const TURNAROUNDS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(16)];
/// What our share has to be on a line with a turnaround of 1 ms.
const SHARE: f64 = 0.97;

/// A document that a device takes without looking into it.
const DOCUMENT: &str = "application/vnd.wap.connectivity-wbxml";
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/libopenobex_client.py");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Put,
    Get,
}

/// A device whose message has this size.
struct Device {
    _waiting: Waiting,
    folder: tempfile::TempDir,
}

impl Device {
    fn new(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = move |opening: &SessionOpening| match opening {
            SessionOpening::Poll => vec![Envelope {
                to: None,
                media_type: MediaType::DmWbxml,
                body: vec![7; size].into(),
                hmac: None,
            }],
            _ => Vec::new(),
        };
        let address = format!("unix+obex://{}", folder.path().join("device").display());
        Self {
            _waiting: Waiting::at(&address, vec![], Arc::new(script)),
            folder,
        }
    }

    fn end(&self) -> End {
        End::connect(&self.folder.path().join("device")).unwrap()
    }
}

fn parameters(packet: u16) -> ClientParameters {
    ClientParameters {
        framing: Framing::Stream,
        receive: packet,
        send: packet,
        object: 2 * SIZE,
        target: Some(TARGET_DM.into()),
        credential: None,
        challenge: None,
        timeouts: ClientTimeouts::default(),
    }
}

/// What our client and our server take for an object, and in how many round trips.
fn ours(settings: &LineSettings, packet: u16, deed: Deed, size: usize) -> (Duration, u64) {
    let device = Device::new(size);
    let (stream, near) = socket_pair().unwrap();
    let relay = Relay::start(near, device.end(), settings).unwrap();
    stream.set_nonblocking(true).unwrap();
    runtime().block_on(async {
        let stream = tokio::net::UnixStream::from_std(stream).unwrap();
        let mut line = ObexLine::connect(stream, parameters(packet)).await.unwrap();
        let (from, before) = (Instant::now(), relay.counts().turns);
        match deed {
            Deed::Put => line.put(DOCUMENT, vec![7; size].into()).await.unwrap(),
            Deed::Get => {
                let got = line.get(MediaType::DmWbxml.as_str()).await.unwrap();
                assert_eq!(got.body.len(), size);
            }
        }
        (from.elapsed(), (relay.counts().turns - before) / 2)
    })
}

/// What libopenobex as client and our server take.
fn foreign(settings: &LineSettings, deed: Deed) -> Option<Duration> {
    let device = Device::new(SIZE);
    let file = device.folder.path().join("object");
    std::fs::write(&file, vec![7; SIZE]).unwrap();
    let (near, name) = terminal().unwrap();
    let _relay = Relay::start(near, device.end(), settings).unwrap();
    let mut command = Command::new("python3");
    // The largest packet is its best one.
    command.args([CLIENT, &format!("tty:{}", name.display()), "--mtu", "65535"]);
    match deed {
        Deed::Put => command.args(["put", DOCUMENT]),
        Deed::Get => command.args(["get", MediaType::DmWbxml.as_str()]),
    };
    let ended = run(command.arg(&file));
    let seconds = ended.out.trim().strip_prefix("seconds: ").map(str::parse);
    let Some(Ok(seconds)) = seconds else {
        println!("  skipped: libopenobex: {}{}", ended.out, ended.err);
        return None;
    };
    Some(Duration::from_secs_f64(seconds))
}

/// What as many octets take without any protocol.
fn copy(settings: &LineSettings) -> Duration {
    let (mut near, mut far, _relay) = sockets(settings).unwrap();
    let from = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || near.write_all(&vec![7; SIZE]).unwrap());
        far.read_exact(&mut vec![0; SIZE]).unwrap();
    });
    from.elapsed()
}

/// The part of a line's rate that an object of [`SIZE`] had.
fn share(rate: u32, taken: Duration) -> f64 {
    SIZE as f64 * 10.0 / f64::from(rate) / taken.as_secs_f64()
}

/// One line of the table.
struct Row {
    what: String,
    share: Option<f64>,
    bound: bool,
}

/// Every measurement on lines of one rate, all at once: each has a line of its own.
fn measure(rate: u32) -> Vec<Row> {
    let packet = LineSettings::packet_octets(rate);
    let mut work: Vec<Box<dyn FnOnce() -> Row + Send>> = Vec::new();
    for turnaround in TURNAROUNDS {
        let settings = LineSettings::answering(rate, turnaround);
        for deed in [Deed::Put, Deed::Get] {
            let settings = settings.clone();
            work.push(Box::new(move || Row {
                what: format!("{deed:?}, packets of {packet}, {turnaround:?}"),
                share: Some(share(rate, ours(&settings, packet, deed, SIZE).0)),
                bound: turnaround == TURNAROUNDS[0],
            }));
        }
    }
    let settings = LineSettings::answering(rate, TURNAROUNDS[0]);
    for deed in [Deed::Put, Deed::Get] {
        let settings = settings.clone();
        work.push(Box::new(move || Row {
            what: format!("libopenobex {deed:?}, packets of 65535, 1ms"),
            share: foreign(&settings, deed).map(|taken| share(rate, taken)),
            bound: false,
        }));
    }
    work.push(Box::new(move || Row {
        what: "limit: a plain copy".to_owned(),
        share: Some(share(rate, copy(&settings))),
        bound: false,
    }));
    std::thread::scope(|scope| {
        let threads: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn print_rounds() {
    println!("OBEX: round trips of a message, and the fewest that packets of this size allow");
    println!(
        "  {:>8}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "octets", "packet", "PUT", "fewest", "GET", "fewest"
    );
    // What 50 Gets are answered with in WBXML and in XML, and the messages around it.
    for size in [300, 1_000, 7_144, 20_632] {
        for packet in RATES.map(LineSettings::packet_octets) {
            let rounds = |deed| ours(&LineSettings::default(), packet, deed, size).1;
            let fewest = [
                fewest_to_put(size, packet, DOCUMENT),
                fewest_to_get(size, packet),
            ];
            let (put, get) = (rounds(Deed::Put), rounds(Deed::Get));
            println!(
                "  {size:>8}{packet:>8}{put:>8}{:>8}{get:>8}{:>8}",
                fewest[0], fewest[1]
            );
            assert_eq!([put, get], fewest, "round trips of {size} octets");
        }
    }
    println!();
}

pub(super) fn print() {
    print_rounds();
    println!("OBEX: 1 MiB over a serial line, share of the line's rate (ten bits an octet)");
    println!("  an answer is held back once a round trip, by 1 or 16 ms; our PUT and GET at 1 ms");
    println!("  have to reach {SHARE:.2}");
    for rate in RATES {
        println!("  {rate} baud");
        let rows = measure(rate);
        let low = rows.iter().any(|row| row.bound && row.share < Some(SHARE));
        for Row { what, share, .. } in rows {
            let share = share.map_or("-".to_owned(), |share| format!("{share:.3}"));
            println!("    {what:<44}{share:>9}");
        }
        assert!(!low, "OBEX leaves too much of the line unused");
    }
    println!();
}
