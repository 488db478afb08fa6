#![expect(clippy::disallowed_types, reason = "test: opens terminals and sockets")]

use super::*;
use crate::line::{Cable, sockets};

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

const MS: Duration = Duration::from_millis(1);

fn read(stream: &mut UnixStream, octets: usize) -> Vec<u8> {
    let mut all = vec![0; octets];
    stream.read_exact(&mut all).unwrap();
    all
}

#[test]
fn a_raw_copy_takes_what_the_rate_says() {
    let settings = LineSettings {
        rate: 921_600,
        ..LineSettings::default()
    };
    let (mut near, mut far, relay) = sockets(&settings).unwrap();
    let octets = vec![0x55; 46_080];
    let from = Instant::now();
    near.write_all(&octets).unwrap();
    assert_eq!(read(&mut far, octets.len()), octets);
    let taken = from.elapsed().as_secs_f64();
    // Half a second; only a machine that is busy takes longer.
    assert!((0.498..0.6).contains(&taken), "{taken}");
    let expected = Counts {
        octets: [46_080, 0],
        turns: 0,
    };
    assert_eq!(relay.counts(), expected);
}

#[test]
fn round_trips_take_the_turnaround_and_are_counted() {
    let settings = LineSettings {
        rate: 115_200,
        turnaround: [Duration::ZERO, 5 * MS],
        ..LineSettings::default()
    };
    let (mut near, mut far, relay) = sockets(&settings).unwrap();
    let from = Instant::now();
    for _ in 0..20 {
        near.write_all(&[1; 115]).unwrap();
        read(&mut far, 115);
        far.write_all(&[2; 115]).unwrap();
        read(&mut near, 115);
    }
    // 20 times 9.98 ms there, 5 ms and 9.98 ms back.
    let taken = from.elapsed().as_secs_f64();
    assert!((0.495..0.6).contains(&taken), "{taken}");
    assert_eq!(relay.counts().turns, 39);
}

#[test]
fn the_plug_comes_out_at_an_exact_octet() {
    let settings = LineSettings {
        hang_up_at: Some(7),
        ..LineSettings::default()
    };
    let (mut near, mut far, relay) = sockets(&settings).unwrap();
    near.write_all(b"abcde").unwrap();
    assert_eq!(read(&mut far, 5), b"abcde");
    far.write_all(b"xyz").unwrap();
    let mut rest = Vec::new();
    // Octets that were never carried may make the end a reset.
    let _ = near.read_to_end(&mut rest);
    assert_eq!(rest, b"xy");
    while !relay.has_ended() {
        std::thread::sleep(MS);
    }
    assert_eq!(relay.counts().octets, [5, 2]);
    let _ = far.read_to_end(&mut rest);
    assert_eq!(rest, b"xy");
}

#[test]
fn an_end_that_closes_hangs_up_after_what_it_has_sent() {
    let (mut near, mut far, _relay) = sockets(&LineSettings::default()).unwrap();
    near.write_all(b"last").unwrap();
    drop(near);
    let mut all = Vec::new();
    far.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"last");
}

#[test]
fn a_reader_that_does_not_read_holds_its_writer_back() {
    let (near, far, relay) = sockets(&LineSettings::default()).unwrap();
    near.set_nonblocking(true).unwrap();
    let mut taken = 0;
    for _ in 0..200 {
        while let Ok(written) = (&near).write(&vec![0; 65_536]) {
            taken += written;
        }
        std::thread::sleep(MS);
    }
    assert!(taken < 4 << 20, "{taken} octets are held");
    drop((far, relay));
}

#[test]
fn a_cable_can_be_unplugged_and_plugged_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = LineSettings::default();
    let mut cable = Cable::new(folder.path(), &settings).unwrap();
    for round in 0..3 {
        let open = |end| File::options().read(true).write(true).open(cable.path(end));
        let (mut near, mut far) = (open(0).unwrap(), open(1).unwrap());
        // Octets that a terminal would act on, were it not raw.
        let octets = [0x03, 0x04, 0x0D, 0x0A, 0x11, 0x13, 0x7F, 0xFF, 0x00, round];
        let mut heard = [0; 10];
        near.write_all(&octets).unwrap();
        far.read_exact(&mut heard).unwrap();
        assert_eq!(heard, octets);
        far.write_all(&octets).unwrap();
        near.read_exact(&mut heard).unwrap();
        assert_eq!(heard, octets);
        assert_eq!(cable.counts().turns, 1);
        cable.unplug();
        assert!(cable.is_out());
        assert!(!cable.path(0).exists());
        assert!(matches!(far.read(&mut heard), Ok(0) | Err(_)));
        cable.plug(&settings).unwrap();
    }
}
