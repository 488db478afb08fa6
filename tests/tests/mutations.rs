//! Ten thousand damaged messages to the device and to the server: no panic, a defined status or
//! a clean end, and memory that stays bounded.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads this process's own memory and a variable"
)]

use omadm_server::job::{Content, Operation};
use omadm_syncml::MediaType;
use omadm_tests::dice::Dice;
use omadm_tests::pair::{Direction, GATEWAY, Line, Pair, Passage};

/// Damages every message that goes in one direction.
struct Noise {
    direction: Direction,
    dice: Dice,
    damaged: u32,
    /// Pieces of messages that crossed before, to be spliced in.
    scraps: Vec<Vec<u8>>,
}

impl Noise {
    fn damage(&mut self, message: &mut Vec<u8>) {
        let scrap = self.dice.slice(message).to_vec();
        for _ in 0..=self.dice.roll(4) {
            self.damage_once(message);
        }
        if self.scraps.len() < 64 {
            self.scraps.push(scrap);
        }
    }

    fn damage_once(&mut self, message: &mut Vec<u8>) {
        let at = self.dice.index(message.len() + 1);
        match self.dice.roll(10) {
            0 => message.truncate(at),
            1 => message.insert(at, self.dice.octet()),
            2 => {
                let scrap = self.dice.pick(&self.scraps).cloned().unwrap_or_default();
                message.splice(at..at, scrap);
            }
            3 => {
                let piece = self.dice.slice(message).to_vec();
                message.splice(at..at, piece);
            }
            4 => {
                let end = (at + self.dice.index(64)).min(message.len());
                message.drain(at..end);
            }
            5 => {
                let octet = *self.dice.pick(INTERESTING).unwrap_or(&0);
                if let Some(place) = message.get_mut(at) {
                    *place = octet;
                }
            }
            6 | 7 => {
                let (old, new) = *self.dice.pick(WORDS).unwrap_or(&("", ""));
                *message = exchanged(message, old.as_bytes(), new.as_bytes());
            }
            _ => {
                let octet = self.dice.octet();
                if let Some(place) = message.get_mut(at) {
                    *place ^= octet;
                }
            }
        }
        // What a bearer would let through at most.
        message.truncate(1 << 20);
    }
}

/// Tokens, digits and markup that decoders decide by.
const INTERESTING: &[u8] = &[
    0x00, 0x01, 0x02, 0x03, 0x04, 0x43, 0x44, 0x6a, 0x7f, 0x80, 0x83, 0xc3, 0xff, b'<', b'>', b'/',
    b'&', b';', b'0', b'9', b'.', b'?', b'"',
];

/// Words for others, everywhere in a message: what comes of it can still be read, so that the
/// damage reaches beyond the decoders.
const WORDS: &[(&str, &str)] = &[
    ("Replace>", "Frobnicate>"),
    ("Replace>", "Put>"),
    ("Get>", "Exec>"),
    ("Get>", "Results>"),
    ("Add>", "Copy>"),
    ("Atomic>", "Sequence>"),
    ("CmdID>", "Correlator>"),
    ("</Item>", "<MoreData/></Item>"),
    ("<Data>", "<Data><x/>"),
    ("<Data>", "<Data>&#233;"),
    ("<Target>", "<Source>"),
    ("Status>", "Alert>"),
    ("b64<", "bin<"),
    ("b64<", "chr<"),
    ("bin<", "int<"),
    ("=<", "%<"),
    ("./DMAcc", "."),
    ("./DMAcc", "./DMAcc/"),
    ("/Note", "?list=Struct"),
    ("/Note", "%zz"),
    ("1", "9"),
    ("2", "4"),
    ("0", "1"),
    ("DevInfo", "DevDetail"),
];

fn exchanged(message: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(old).filter(|_| !old.is_empty()) {
            out.extend_from_slice(new);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

impl Line for Noise {
    fn pass(&mut self, direction: Direction, message: &mut Vec<u8>) -> Passage {
        // Every other message goes through whole, so that sessions get beyond their beginning.
        if direction == self.direction && self.dice.roll(2) == 0 {
            self.damage(message);
            self.damaged += 1;
        }
        Passage::Arrives
    }
}

fn jobs(dice: &mut Dice) -> Vec<Operation> {
    let content = || Content {
        text: Some("a value of some length, so that there is something to damage".to_owned()),
        ..Content::default()
    };
    let uri = format!("./DMAcc/dms/Ext/Test/Note{}", dice.roll(8));
    let one = |n| match n {
        0 => Operation::Get {
            uri: "./DevInfo?list=StructData".to_owned(),
        },
        1 => Operation::Add {
            uri: uri.clone(),
            content: content(),
        },
        2 => Operation::Replace {
            uri: "./DMAcc/dms/Name".to_owned(),
            content: content(),
        },
        3 => Operation::Delete { uri: uri.clone() },
        4 => Operation::Copy {
            source: "./DMAcc/dms/Name".to_owned(),
            target: uri.clone(),
        },
        _ => Operation::Get {
            uri: "./DMAcc/dms?prop=ACL".to_owned(),
        },
    };
    let members = || (1..4).map(one).collect();
    match dice.roll(9) {
        6 => vec![Operation::Atomic { members: members() }],
        7 => vec![Operation::Sequence { members: members() }],
        8 => vec![Operation::Add {
            uri: uri.clone(),
            content: Content {
                format: Some("bin".to_owned()),
                base64: Some("b2N0ZXRzIQ==".to_owned()),
                ..Content::default()
            },
        }],
        n => vec![one(n)],
    }
}

/// Peak resident memory of this process in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

fn bombard(direction: Direction, encoding: MediaType, messages: u32) {
    let mut dice = Dice::new(u64::from(messages) ^ encoding as u64);
    let mut line = Noise {
        direction,
        dice: Dice::new(7 + direction as u64),
        damaged: 0,
        scraps: Vec::new(),
    };
    let mut ended = 0_u32;
    while line.damaged < messages {
        let mut pair = Pair::new(encoding, &[], GATEWAY).unwrap();
        for _ in 0..25 {
            for _ in 0..3 {
                pair.queue(&jobs(&mut dice)).unwrap();
            }
            let run = pair.run(&mut line).unwrap();
            assert!(run.traffic.len() < 1_000, "the session does not end");
            ended += u32::from(run.outcome.is_some());
        }
    }
    assert!(ended > 0);
}

/// 10,000 in each direction, half of them in each encoding; ten times that in the long run.
#[test]
fn damaged_messages_end_in_order() {
    let long = std::env::var_os("OMADM_LONG").is_some();
    let messages = if long { 50_000 } else { 5_000 };
    let before = peak();
    for direction in [Direction::Up, Direction::Down] {
        for encoding in [MediaType::DmXml, MediaType::DmWbxml] {
            bombard(direction, encoding, messages);
        }
    }
    let grown = peak().saturating_sub(before);
    assert!(grown < 64 * 1024, "peak memory grew by {grown} KiB");
}
