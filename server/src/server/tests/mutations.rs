use super::*;
use std::collections::BTreeMap;

/// `xorshift64*`, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(value).unwrap() % sides
    }
}

fn mutate(dice: &mut Dice, octets: &mut Vec<u8>) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(octets.len().max(1));
        let octet = u8::try_from(dice.roll(256)).unwrap();
        match dice.roll(6) {
            0 if !octets.is_empty() => octets[at] = octet,
            1 if !octets.is_empty() => drop(octets.remove(at)),
            2 => octets.insert(at, octet),
            3 => octets.truncate(at),
            // A piece twice, or a piece lost: whole elements often enough.
            4 => {
                let end = (at + dice.roll(200)).min(octets.len());
                let piece = octets[at..end].to_vec();
                let to = dice.roll(octets.len() + 1);
                octets.splice(to..to, piece);
            }
            _ => drop(octets.drain(at..(at + dice.roll(60)).min(octets.len()))),
        }
    }
}

/// Where an element begins and ends, by its tag after `from`.
fn element(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let start = from + text.get(from..)?.find('<')?;
    let name: String = text[start + 1..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let close = format!("</{name}>");
    let end = start + text.get(start..)?.find(&close)? + close.len();
    (!name.is_empty()).then_some(start..end)
}

/// Changes that leave the document well-formed, so that the session meets them.
fn mutate_elements(dice: &mut Dice, document: &str) -> String {
    let mut text = document.to_owned();
    for _ in 0..=dice.roll(3) {
        let Some(span) = element(&text, dice.roll(text.len().max(1))) else {
            continue;
        };
        let piece = text[span.clone()].to_owned();
        match dice.roll(5) {
            0 => text.replace_range(span, ""),
            1 => text.insert_str(span.end, &piece),
            2 => {
                if let Some(other) = element(&text, dice.roll(text.len().max(1))) {
                    text.insert_str(other.start, &piece);
                }
            }
            _ => {
                let values = [
                    "0",
                    "",
                    "1",
                    "9999999999999999999",
                    "SyncHdr",
                    "./DevInfo/Man",
                    "-1",
                    "1223",
                ];
                let inner = piece.find('>').unwrap() + 1..piece.rfind("</").unwrap_or(0);
                if inner.start <= inner.end {
                    let value = values[dice.roll(values.len())];
                    text.replace_range(span.start + inner.start..span.start + inner.end, value);
                }
            }
        }
    }
    text
}

/// The messages of a session in which everything occurs, credentials and all.
fn corpus(device: &mut Script) -> Vec<(Option<String>, String)> {
    let mut documents = Vec::new();
    let mut say = |device: &mut Script, body: &str| {
        device.msg_id += 1;
        let document = device.document(body);
        device.cred = None;
        documents.push((device.token.clone(), document.clone()));
        device.post(&document).unwrap()
    };
    say(device, &package_1());
    device.prove();
    let reply = say(device, &package_1());
    say(device, &obedience(&reply, 200));
    say(
        device,
        "<Alert><CmdID>1</CmdID><Data>1226</Data><Item><Source><LocURI>./X</LocURI></Source>\
         <Meta><Type xmlns='syncml:metinf'>t</Type><Size xmlns='syncml:metinf'>9</Size></Meta>\
         <Data>abc</Data><MoreData/></Item></Alert><Put><CmdID>2</CmdID></Put>\
         <Atomic><CmdID>3</CmdID><Get><CmdID>4</CmdID></Get></Atomic>",
    );
    // One that is still to come: it begins a session.
    device.hang_up().prove().msg_id = 1;
    let document = device.document(&package_1());
    documents.push((None, document));
    documents
}

fn run(media_type: MediaType, rounds: usize, seed: u64) -> BTreeMap<String, u32> {
    let mut dice = Dice(seed);
    let mut outcomes = BTreeMap::new();
    let mut device = Script::new();
    let mut messages = Vec::new();
    for round in 0..rounds {
        // Now and then a fresh server, so that sessions in all states are met.
        if round % 50 == 0 {
            device = Script::new();
            device.get("./A");
            device.job(&[Operation::Atomic {
                members: vec![Operation::Delete { uri: "./B".into() }],
            }]);
            messages = corpus(&mut device);
            device.media_type = media_type;
            device.get("./C");
        }
        let (token, document) = &messages[dice.roll(messages.len())];
        device.token.clone_from(token);
        let mut document = document.clone();
        let octets_too = dice.roll(3) == 0;
        if !octets_too {
            document = mutate_elements(&mut dice, &document);
        }
        let mut octets = document.clone().into_bytes();
        if media_type == MediaType::DmWbxml {
            let Ok(message) = decode(MediaType::DmXml, document.as_bytes(), &Limits::default())
            else {
                continue;
            };
            octets = encode(media_type, &message).unwrap();
        }
        if octets_too {
            mutate(&mut dice, &mut octets);
        }
        let outcome = match device.post_octets(&octets) {
            Ok(reply) => reply.status("SyncHdr").to_owned(),
            Err(Fault::Unreadable(_)) => "unreadable".into(),
            Err(fault) => panic!("round {round}: {fault}"),
        };
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    outcomes
}

/// 10,000 mutated messages: an answer with a Status for the header, or a clean refusal to read.
#[test]
fn mutated_messages_get_a_status_or_are_refused() {
    for (media_type, seed) in [
        (MediaType::DmXml, 0x0DD5_EED1),
        (MediaType::DmWbxml, 0x0DD5_EED2),
    ] {
        let outcomes = run(media_type, 6_000, seed);
        // The mutations reach the session, not just the parser.
        for code in [
            "200",
            "212",
            "400",
            "401",
            "407",
            "505",
            "513",
            "unreadable",
        ] {
            assert!(outcomes.contains_key(code), "{media_type}: {outcomes:?}");
        }
    }
}
