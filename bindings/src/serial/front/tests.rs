use super::FrontOutput::{Entered, Left, Octets, Reply, Wait};
use super::*;

use std::fmt::Write as _;

const PROBE_PACKET: &[u8] = b"\xFF\x00\x08\xCBATZ\r";
const CONNECT: &[u8] = b"\x80\x00\x07\x10\x00\x10\x00";

fn identity() -> Identity {
    Identity {
        manufacturer: "Maker".into(),
        model: "Box".into(),
        revision: "1.0".into(),
        serial: "42".into(),
    }
}

fn front(entry: Option<Entry>) -> Front {
    Front::new(entry, identity())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// All output, neighbours of a kind joined.
fn drain(front: &mut Front) -> Vec<FrontOutput> {
    let mut all: Vec<FrontOutput> = Vec::new();
    loop {
        let next = front.poll_output();
        match (all.last_mut(), next) {
            (_, Wait(_)) => return all,
            (Some(Reply(last)), Reply(more)) | (Some(Octets(last)), Octets(more)) => {
                last.extend(more);
            }
            (_, next) => all.push(next),
        }
    }
}

fn after(entry: Option<Entry>, pieces: &[&[u8]]) -> Vec<FrontOutput> {
    let mut front = front(entry);
    for piece in pieces {
        front.handle_input(piece, seconds(1));
    }
    drain(&mut front)
}

fn reply(text: &str) -> FrontOutput {
    Reply(text.into())
}

fn octets(data: &[u8]) -> FrontOutput {
    Octets(data.into())
}

/// What is answered with the echo off.
fn answer(line: &str) -> String {
    let mut front = front(None);
    front.handle_input(b"ATE0\r", seconds(1));
    drain(&mut front);
    front.handle_input(format!("{line}\r").as_bytes(), seconds(1));
    let mut text = String::new();
    for output in drain(&mut front) {
        match output {
            Reply(reply) => text += str::from_utf8(&reply).unwrap(),
            other => write!(text, "{other:?}").unwrap(),
        }
    }
    text
}

#[test]
fn commands_are_answered_as_by_a_modem() {
    for (line, expected) in [
        ("AT", "\r\nOK\r\n"),
        ("at", "\r\nOK\r\n"),
        ("ATZ", "ATZ-echo-is-on-again"),
        ("AT&FE0V1Q0", "\r\nOK\r\n"),
        ("ATH", "\r\nOK\r\n"),
        ("ATV0", "0\r"),
        ("ATV0+NONE", "4\r"),
        ("ATQ1", ""),
        ("ATQ1+GMM", "\r\nBox\r\n"),
        ("ATV0+GMM", "Box\r\n0\r"),
        ("ATI", "\r\nMaker\r\n\r\nBox\r\n\r\n1.0\r\n\r\nOK\r\n"),
        ("AT+GMI", "\r\nMaker\r\n\r\nOK\r\n"),
        ("AT+gmm", "\r\nBox\r\n\r\nOK\r\n"),
        ("AT+GMR", "\r\n1.0\r\n\r\nOK\r\n"),
        ("AT+GSN", "\r\n42\r\n\r\nOK\r\n"),
        ("AT+CGMI", "\r\nMaker\r\n\r\nOK\r\n"),
        ("AT+CGMM", "\r\nBox\r\n\r\nOK\r\n"),
        ("AT+CGMR", "\r\n1.0\r\n\r\nOK\r\n"),
        ("AT+CGSN", "\r\n42\r\n\r\nOK\r\n"),
        ("AT+CGSN=?", "\r\nOK\r\n"),
        ("AT+GMM;+GSN", "\r\nBox\r\n\r\n42\r\n\r\nOK\r\n"),
        ("AT+GMM;+NONE;+GSN", "\r\nBox\r\n\r\nERROR\r\n"),
        ("AT+CPROT=?", "\r\n+CPROT: 0\r\n\r\nOK\r\n"),
        ("AT+CPROT=1", "\r\nERROR\r\n"),
        ("AT+CPROT?", "\r\nERROR\r\n"),
        ("AT*EOBEX=?", "\r\nOK\r\n"),
        ("AT^SQWE=?", "\r\n^SQWE: (0,3)\r\n\r\nOK\r\n"),
        ("AT^SQWE?", "\r\n^SQWE: 0\r\n\r\nOK\r\n"),
        ("AT^SQWE=0", "\r\nOK\r\n"),
        ("AT^SQWE=1", "\r\nERROR\r\n"),
        ("AT+MODE=2", "\r\nERROR\r\n"),
        (
            "AT+SYNCML=?",
            "\r\n+SYNCML: (MOBEXSTART,OBEXSTART)\r\n\r\nOK\r\n",
        ),
        ("AT+SYNCML=1081", "\r\nERROR\r\n"),
        ("ATE2", "\r\nERROR\r\n"),
        ("ATD123", "\r\nERROR\r\n"),
        ("AT$TSSPCSW=1", "\r\nERROR\r\n"),
        ("RING", ""),
        ("xyzAT", "\r\nOK\r\n"),
        ("AAAT", "\r\nOK\r\n"),
        ("ATX\x08", "\r\nOK\r\n"),
        ("\0A\0T\0", "\r\nOK\r\n"),
    ] {
        let expected = expected.replace("ATZ-echo-is-on-again", "\r\nOK\r\n");
        assert_eq!(answer(line), expected, "{line:?}");
    }
}

#[test]
fn every_command_of_the_table_enters() {
    for (line, result) in [
        ("AT+CPROT=0", "CONNECT"),
        ("AT+CPROT=0,\"1.2\",8", "CONNECT"),
        ("at*eobex", "CONNECT"),
        ("AT^SQWE=3", "OK"),
        ("AT+MODE=22", "CONNECT"),
        ("AT+SYNCML=MOBEXSTART", "OK"),
        ("at+syncml=obexstart", "OK"),
        ("ATE0;+GMM;*EOBEX;+GMM", "\0"),
    ] {
        let result = match result {
            "\0" => "\r\nBox\r\n\r\nCONNECT\r\n".to_owned(),
            result => format!("\r\n{result}\r\n"),
        };
        assert_eq!(answer(line), format!("{result}Entered"), "{line}");
    }
}

#[test]
fn echo_shows_what_is_typed() {
    let typed = b"aT+gmx\x7Fm\r\nATE0\rAT\r";
    let shown = "aT+gmx\x08 \x08m\r\r\nBox\r\n\r\nOK\r\nATE0\r\r\nOK\r\n\r\nOK\r\n";
    for split in 0..=typed.len() {
        let (first, second) = typed.split_at(split);
        assert_eq!(after(None, &[first, second]), [reply(shown)], "{split}");
    }
}

#[test]
fn the_last_line_is_repeated() {
    let outputs = after(None, &[b"ATE0+GMM\rA/a/"]);
    let told = "\r\nBox\r\n\r\nOK\r\n";
    assert_eq!(outputs, [reply(&format!("ATE0+GMM\r{told}{told}{told}"))]);
    assert_eq!(after(None, &[b"A/"]), [reply("A/\r\nOK\r\n")]);
}

#[test]
fn settings_go_back_with_z() {
    let outputs = after(None, &[b"ATE0V0\rATZ\rAT\r"]);
    assert_eq!(outputs, [reply("ATE0V0\r0\r\r\nOK\r\nAT\r\r\nOK\r\n")]);
}

#[test]
fn octets_after_the_command_are_obex_at_every_split() {
    let all: Vec<u8> = (0..=255).collect();
    for command in [&b"AT*EOBEX\r"[..], b"AT*EOBEX\r\n"] {
        let input = [command, CONNECT, &all].concat();
        let data = [CONNECT, &all].concat();
        let expected = [reply("AT*EOBEX\r\r\nCONNECT\r\n"), Entered, octets(&data)];
        for split in 0..=input.len() {
            let (first, second) = input.split_at(split);
            assert_eq!(after(None, &[first, second]), expected, "{split}");
        }
    }
}

#[test]
fn the_first_octet_tells_raw_obex() {
    for entry in [None, Some(Entry::At)] {
        for split in 0..=CONNECT.len() {
            let (first, second) = CONNECT.split_at(split);
            assert_eq!(after(entry, &[first, second]), [Entered, octets(CONNECT)]);
        }
        for first in 0x80..=0xFE {
            assert_eq!(after(entry, &[&[first]]), [Entered, octets(&[first])]);
        }
    }
    // Noise before it does not hide it.
    assert_eq!(
        after(None, &[b"\0~A\x80\x00"]),
        [reply("A"), Entered, octets(b"\x80\x00")]
    );
}

#[test]
fn within_a_command_binary_octets_are_noise_unless_they_follow_a_pause() {
    let mut front = front(None);
    front.handle_input(b"ATE0\rAT+G\x90MM\r", seconds(1));
    let shown = "ATE0\r\r\nOK\r\n\r\nBox\r\n\r\nOK\r\n";
    assert_eq!(drain(&mut front), [reply(shown)]);
    front.handle_input(b"AT+G", seconds(2));
    front.handle_input(b"\x80\x00", seconds(3));
    assert_eq!(drain(&mut front), [Entered, octets(b"\x80\x00")]);
}

#[test]
fn the_probe_of_obexftp_is_a_packet_or_a_command() {
    for split in 0..=PROBE_PACKET.len() {
        let (first, second) = PROBE_PACKET.split_at(split);
        for entry in [None, Some(Entry::Raw)] {
            let outputs = after(entry, &[first, second]);
            assert_eq!(outputs, [Entered, octets(PROBE_PACKET)], "{split}");
        }
        let outputs = after(Some(Entry::At), &[first, second]);
        assert_eq!(outputs, [reply("ATZ\r\r\nOK\r\n")], "{split}");
    }
}

#[test]
fn what_only_begins_as_the_probe_is_obex() {
    let abort = b"\xFF\x00\x03\x80";
    for split in 0..=abort.len() {
        let (first, second) = abort.split_at(split);
        let outputs = after(Some(Entry::At), &[first, second]);
        assert_eq!(outputs, [Entered, octets(abort)], "{split}");
    }
    let mut front = front(Some(Entry::At));
    front.handle_input(b"\xFF\x00\x08", seconds(5));
    assert_eq!(front.poll_output(), Wait(Some(seconds(6))));
    front.handle_timeout(seconds(6));
    assert_eq!(drain(&mut front), [Entered, octets(b"\xFF\x00\x08")]);
}

#[test]
fn a_raw_port_takes_everything_as_it_is() {
    let input = b"ATZ\r+++\x11\x13";
    assert_eq!(after(Some(Entry::Raw), &[input]), [Entered, octets(input)]);
    let mut front = front(Some(Entry::Raw));
    front.handle_input(b"\x80", seconds(1));
    front.handle_input(b"+++", seconds(9));
    assert_eq!(drain(&mut front), [Entered, octets(b"\x80+++")]);
    assert_eq!(front.poll_output(), Wait(None));
    front.leave(Farewell::Orderly, seconds(10));
    assert_eq!(drain(&mut front), []);
    front.handle_input(b"A", seconds(11));
    assert_eq!(drain(&mut front), [Entered, octets(b"A")]);
}

fn entered() -> Front {
    let mut front = front(None);
    front.handle_input(b"ATE0;*EOBEX\r", seconds(1));
    drain(&mut front);
    front
}

#[test]
fn the_escape_leaves_and_commands_are_taken_again() {
    let mut front = entered();
    front.handle_input(b"\x80\x01", seconds(2));
    front.handle_input(b"+++", seconds(4));
    assert_eq!(drain(&mut front), [octets(b"\x80\x01")]);
    assert_eq!(front.poll_output(), Wait(Some(seconds(5))));
    front.handle_timeout(seconds(5));
    assert_eq!(
        drain(&mut front),
        [Left(Leave::Escape), reply("\r\nOK\r\n")]
    );
    front.handle_input(b"AT*EOBEX\r\x80", seconds(6));
    let again = [reply("\r\nCONNECT\r\n"), Entered, octets(b"\x80")];
    assert_eq!(drain(&mut front), again);
}

#[test]
fn the_silence_is_a_parameter() {
    let guard = Duration::from_millis(20);
    let mut front = Front::with_guard(Some(Entry::At), identity(), guard);
    front.handle_input(b"AT*EOBEX\r", seconds(1));
    front.handle_input(b"+++", seconds(1) + guard);
    drain(&mut front);
    assert_eq!(front.poll_output(), Wait(Some(seconds(1) + guard * 2)));
    front.handle_timeout(seconds(1) + guard * 2);
    assert_eq!(front.poll_output(), Left(Leave::Escape));
    assert_eq!(front.take_reply(), Some(b"\r\nOK\r\n".to_vec()));
}

#[test]
fn a_late_look_at_the_clock_changes_nothing() {
    let mut front = entered();
    front.handle_input(b"+++", seconds(4));
    front.handle_input(b"AT\r", seconds(6));
    assert_eq!(
        drain(&mut front),
        [Left(Leave::Escape), reply("\r\nOK\r\n\r\nOK\r\n")]
    );
}

#[test]
fn held_marks_are_neither_lost_nor_moved() {
    for held in 1..=3 {
        let mut front = entered();
        front.handle_input(&b"+++"[..held], seconds(4));
        assert_eq!(drain(&mut front), []);
        front.handle_input(b"\x02+", seconds(4));
        let data = [&b"+++"[..held], b"\x02+"].concat();
        assert_eq!(drain(&mut front), [octets(&data)]);
    }
    let mut front = entered();
    front.handle_input(b"++", seconds(4));
    front.handle_timeout(seconds(5));
    front.handle_input(b"x", seconds(5));
    assert_eq!(drain(&mut front), [octets(b"++x")]);
}

#[test]
fn a_break_or_a_drop_leaves() {
    let mut front = entered();
    front.handle_input(b"+", seconds(4));
    front.handle_break(seconds(4));
    assert_eq!(drain(&mut front), [octets(b"+"), Left(Leave::Break)]);
    front.handle_input(b"AT+", seconds(5));
    front.handle_break(seconds(5));
    front.handle_input(b"AT*EOBEX\r", seconds(5));
    assert_eq!(drain(&mut front), [reply("\r\nCONNECT\r\n"), Entered]);
    front.handle_drop(seconds(6));
    assert_eq!(drain(&mut front), [Left(Leave::Carrier)]);
    // The settings are those of the beginning.
    front.handle_input(b"AT\r", seconds(7));
    assert_eq!(drain(&mut front), [reply("AT\r\r\nOK\r\n")]);
}

#[test]
fn the_end_of_obex_is_told_to_who_asked_for_it() {
    for (farewell, text) in [
        (Farewell::Orderly, "\r\nOK\r\n"),
        (Farewell::Failed, "\r\nNO CARRIER\r\n"),
    ] {
        let mut front = entered();
        front.leave(farewell, seconds(2));
        assert_eq!(drain(&mut front), [reply(text)]);
        front.leave(farewell, seconds(2));
        front.handle_input(CONNECT, seconds(3));
        front.leave(farewell, seconds(4));
        assert_eq!(drain(&mut front), [Entered, octets(CONNECT)]);
    }
}

#[test]
fn hostile_input_takes_no_room() {
    let mut front = front(Some(Entry::At));
    let mut replied = 0;
    let mut feed = |front: &mut Front, piece: &[u8], count: usize| {
        for _ in 0..count {
            front.handle_input(piece, seconds(1));
            for output in drain(front) {
                match output {
                    Reply(reply) => replied += reply.len(),
                    other => panic!("{other:?}"),
                }
            }
        }
        replied
    };
    assert_eq!(feed(&mut front, &[0; 1024], 1024), 0);
    assert_eq!(feed(&mut front, &[b'x'; 1024], 1024), 0);
    // A megabyte of one line: no more than the kept part is echoed, and its end is refused.
    assert_eq!(feed(&mut front, b"AT", 512 * 1024), 512);
    assert_eq!(feed(&mut front, b"\r", 1), 512 + "\r\r\nERROR\r\n".len());
    let asked = feed(&mut front, format!("AT{}\r", "I".repeat(500)).as_bytes(), 1);
    assert!(asked < 4096, "{asked}");
    let repeated = feed(&mut front, b"A/", 100);
    assert!(repeated < 100 * 2048, "{repeated}");
}

#[test]
fn endless_marks_pass() {
    let mut front = entered();
    let mut passed = 0;
    for at in 0..2000 {
        front.handle_input(&[b'+'; 512], Duration::from_millis(2000 + at));
        for output in drain(&mut front) {
            match output {
                Octets(data) => passed += data.len(),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(passed, 2000 * 512);
}
