use super::WbxmlReader;
use crate::{
    Command, Data, DecodeError, Element, Limits, MediaType, Message, Namespace, Reason, decode,
    decode_element, encode, encode_element,
};

const VECTORS: &str = include_str!("../../../../tests/vectors/wbxml.json");

/// `SyncHdr` with nothing but its end, and a body that holds a `Get` without content.
const SMALL_BODY: &[u8] = &[0x6D, 0x6C, 0x01, 0x6B, 0x13, 0x12, 0x01, 0x01];

fn vector(name: &str) -> String {
    let all: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    all[name].as_str().unwrap().to_owned()
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn read(document: &[u8]) -> Result<Message, DecodeError> {
    decode(MediaType::DmWbxml, document, &Limits::default())
}

fn read_xml(document: &str) -> Message {
    decode(MediaType::DmXml, document.as_bytes(), &Limits::default()).unwrap()
}

fn small(header: &[u8]) -> Result<Message, DecodeError> {
    read(&[header, SMALL_BODY].concat())
}

/// A message whose body is `body`, read.
fn commands(body: &[u8]) -> Result<Vec<Command>, Reason> {
    let mut document = vec![0x02, 0xA4, 0x01, 0x6A, 0x00, 0x6D, 0x2C, 0x6B];
    document.extend_from_slice(body);
    document.extend_from_slice(&[0x01, 0x01]);
    read(&document)
        .map(|message| message.commands)
        .map_err(|error| error.reason)
}

fn item_data(data: &[u8]) -> Result<Data, Reason> {
    let body = [&[0x45, 0x54, 0x4F], data, &[0x01, 0x01, 0x01]].concat();
    match commands(&body)?.swap_remove(0) {
        Command::Add(mut add) => Ok(add.items.swap_remove(0).data.unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn package_1_of_another_encoder_is_the_message_of_its_xml() {
    let expected = read_xml(&vector("V1_xml"));
    for name in ["V1_package1_wbxml12", "V1_package1_wbxml13"] {
        let mut message = read(&octets(&vector(name))).unwrap();
        let Command::Replace(replace) = &mut message.commands[1] else {
            panic!("{message:?}")
        };
        // The other encoder writes the text of an item as OPAQUE.
        let data = replace.items[0].data.as_mut().unwrap();
        assert_eq!(data.as_text(), Some("IMEI:1"));
        *data = Data::Text("IMEI:1".into());
        assert_eq!(message, expected, "{name}");
    }
}

#[test]
fn our_package_1_is_that_of_another_encoder_but_for_opaque_text() {
    let written = encode(MediaType::DmWbxml, &read_xml(&vector("V1_xml"))).unwrap();
    let other =
        vector("V1_package1_wbxml12").replace("4fc306494d45493a3101", "4f03494d45493a310001");
    assert_eq!(written, octets(&other));
}

#[test]
fn a_tree_in_a_message_is_kept_and_can_be_read() {
    let message = read(&octets(&vector("V2_add_inbox_tnds"))).unwrap();
    let Command::Add(add) = &message.commands[0] else {
        panic!("{message:?}")
    };
    let Some(Data::Opaque(inner)) = &add.items[0].data else {
        panic!("{add:?}")
    };
    assert_eq!(inner.len(), 0x4C);
    let tree = decode_element(MediaType::DmWbxml, inner, &Limits::default()).unwrap();
    assert_eq!(tree.name.namespace, Namespace::DmDdf);
    let node = tree.child("Node").unwrap();
    assert_eq!(node.child("NodeName").unwrap().text(), "A");
    assert_eq!(node.child("Value").unwrap().text(), "x");
    assert_eq!(
        encode_element(MediaType::DmWbxml, &tree).unwrap(),
        inner.as_ref(),
        "a tree of its own is written with the textual public identifier"
    );
}

#[test]
fn headers_that_peers_send_are_understood() {
    let fpi = b"-//SYNCML//DTD SyncML 1.2//EN";
    let textual = [&[0x02, 0x00, 0x00, 0x6A, 0x1D], fpi.as_slice()].concat();
    let terminated = [&[0x03, 0x00, 0x00, 0x6A, 0x1E], fpi.as_slice(), &[0]].concat();
    let shifted = [&[0x02, 0x00, 0x01, 0x6A, 0x1F, b'x'], fpi.as_slice(), &[0]].concat();
    for header in [
        &[0x02, 0xA4, 0x01, 0x6A, 0x00][..],
        &[0x03, 0xA4, 0x01, 0x6A, 0x00],
        &[0x01, 0x9F, 0x53, 0x6A, 0x00],
        &[0x02, 0x9F, 0x51, 0x00, 0x00],
        &[0x02, 0x9F, 0x51, 0x03, 0x00],
        &[0x02, 0x01, 0x04, 0x00],
        &[0x00, 0x9F, 0x51, 0x00],
        &[0x00, 0x9F, 0x51, 0x6A, 0x00],
        &[0x00, 0x9F, 0x51, 0x03, b'a', b'b', 0x00],
        &textual,
        &terminated,
        &shifted,
    ] {
        let message = small(header).unwrap_or_else(|e| panic!("{header:02X?}: {e}"));
        assert_eq!(message.commands, [Command::Get(crate::Request::default())]);
    }
}

#[test]
fn headers_of_other_documents_are_refused() {
    let devinf = b"-//SYNCML//DTD DevInf 1.2//EN\0";
    for (header, reason) in [
        (&[0x04, 0xA4, 0x01, 0x6A, 0x00][..], Reason::WbxmlVersion(4)),
        (&[0x03, 0x0B, 0x6A, 0x00], Reason::PublicId("0xB".into())),
        (
            &[0x03, 0x9F, 0x54, 0x6A, 0x00],
            Reason::PublicId("0xFD4".into()),
        ),
        (&[0x03, 0xA4, 0x01, 0x87, 0x67, 0x00], Reason::Charset(999)),
        (&[0x02, 0x00, 0x05, 0x6A, 0x00], Reason::StringIndex(5)),
        (
            &[0x02, 0xA4, 0x01, 0x6A, 0xFF, 0xFF, 0xFF, 0x7F],
            Reason::StringTableTooLong(65536),
        ),
        (
            &[&[0x02, 0x00, 0x00, 0x6A, 0x1E], devinf.as_slice()].concat(),
            Reason::PublicId("-//SYNCML//DTD DevInf 1.2//EN".into()),
        ),
    ] {
        assert_eq!(small(header).unwrap_err().reason, reason, "{header:02X?}");
    }
    for short in 0..5 {
        let header = &[0x02, 0xA4, 0x01, 0x6A, 0x05][..short];
        assert_eq!(read(header).unwrap_err().reason, Reason::UnexpectedEnd);
    }
}

#[test]
fn a_root_with_attributes_is_read_without_them() {
    // As Nokia's encoder writes it: LITERAL 0 with an empty string table.
    let mut document = vec![0x02, 0xA4, 0x01, 0x6A, 0x00, 0xED, 0x04, 0x00, 0x03];
    document.extend_from_slice(b"SYNCML:SYNCML1.2\0\x01");
    document.extend_from_slice(&SMALL_BODY[1..]);
    assert_eq!(read(&document).unwrap().commands.len(), 1);
}

#[test]
fn data_is_assembled_from_all_kinds_of_pieces() {
    let text = |text: &str| Ok(Data::Text(text.into()));
    let opaque = |octets: &'static [u8]| Ok(Data::Opaque(octets.into()));
    assert_eq!(item_data(b"\x03ab\0"), text("ab"));
    assert_eq!(item_data(b"\x03ab\0\x03cd\0"), text("abcd"));
    assert_eq!(item_data(b"\x03a\0\x02\x81\x69\x03b\0"), text("aéb"));
    assert_eq!(item_data(b"\xC3\x02\xFF\x00"), opaque(b"\xFF\0"));
    assert_eq!(item_data(b"\xC3\x01a\xC3\x01b"), opaque(b"ab"));
    assert_eq!(item_data(b"\x03a\0\xC3\x01b\x03c\0"), opaque(b"abc"));
    assert_eq!(item_data(b"\xC3\x00"), opaque(b""));
    assert_eq!(item_data(b""), text(""));
    assert_eq!(item_data(b"\x02\x00"), Err(Reason::Entity(0)));
    assert_eq!(item_data(b"\x02\x83\xB0\x00"), Err(Reason::Entity(0xD800)));
    assert_eq!(item_data(b"\x03\xFF\0"), Err(Reason::NotText));
    assert_eq!(item_data(b"\xC3\x7F"), Err(Reason::UnexpectedEnd));
    assert_eq!(item_data(b"\x80\x00"), Err(Reason::MisplacedToken(0x80)));
    assert_eq!(item_data(b"\x83\x00"), Err(Reason::StringIndex(0)));
    let Ok(Data::Elements(inline)) = item_data(b"\x00\x02\x60\x77\x031.2\0\x01\x01\x00\x00") else {
        panic!("inline tree")
    };
    assert_eq!(inline[0].name.local, "MgmtTree");
}

#[test]
fn a_code_page_outlives_the_element_it_was_switched_in() {
    // Item{Meta{Format chr, Type x} Data y}: the switch back comes after the end of Meta.
    let found = commands(
        b"\x45\x54\x5A\x00\x01\x47\x03chr\0\x01\x53\x03x\0\x01\x01\x00\x00\x4F\x03y\0\x01\x01\x01",
    )
    .unwrap();
    let Command::Add(add) = &found[0] else {
        panic!("{found:?}")
    };
    assert_eq!(add.items[0].meta.format.as_deref(), Some("chr"));
    assert_eq!(add.items[0].data, Some(Data::Text("y".into())));
}

#[test]
fn strings_and_names_come_from_the_string_table() {
    // Exec{CmdID STR_T 0, Correlator as LITERAL_C, Frob as LITERAL, Item{Data STR_T + STR_I}}
    let mut document = b"\x02\xA4\x01\x6A\x14abc\0Correlator\0Frob\0".to_vec();
    document.extend_from_slice(
        b"\x6D\x2C\x6B\x51\x4B\x83\x00\x01\x44\x04\x03q\0\x01\x04\x0F\x54\x4F\x83\x01\x03!\0\x01\x01\x01\x12\x01\x01",
    );
    let message = read(&document).unwrap();
    let Command::Exec(exec) = &message.commands[0] else {
        panic!("{message:?}")
    };
    assert_eq!(exec.cmd_id, "abc");
    assert_eq!(exec.correlator.as_deref(), Some("q"));
    assert_eq!(exec.items[0].data, Some(Data::Text("bc!".into())));
    assert!(message.is_final);
}

#[test]
fn latin_1_strings_become_characters() {
    let document = b"\x02\xA4\x01\x04\x00\x6D\x6C\x65\x03\xE9\0\x01\x01\x6B\x12\x01\x01";
    assert_eq!(read(document).unwrap().header.session_id, "é");
}

#[test]
fn tokens_that_nobody_knows_are_passed_over_or_kept() {
    // An unknown child of Get, an unknown command, and one on an unknown page.
    let found = commands(
        b"\x53\x4B\x031\0\x01\x70\x03x\0\x01\x01\x7D\x4B\x032\0\x01\x01\x00\x07\x05\x00\x00",
    )
    .unwrap();
    assert_eq!(found.len(), 3);
    assert!(matches!(&found[0], Command::Get(get) if get.cmd_id == "1"));
    let Command::Other(unknown) = &found[1] else {
        panic!("{found:?}")
    };
    assert_eq!(unknown.name.local, "token-3D");
    assert_eq!(unknown.child("CmdID").unwrap().text(), "2");
    let Command::Other(paged) = &found[2] else {
        panic!("{found:?}")
    };
    assert_eq!(
        paged.name.namespace,
        Namespace::Other("wbxml:page:7".into())
    );
}

#[test]
fn instructions_are_passed_over_and_content_may_be_empty() {
    let pi = b"\x43\x05\x03x\0\x85\x01";
    let head = b"\x02\xA4\x01\x6A\x00";
    let body = b"\x6D\x2C\x6B\x43\x06\x01\x52\x01\x01\x01";
    let document = [head, pi.as_slice(), body, pi, b"\0\0"].concat();
    assert!(read(&document).unwrap().is_final);
    let document = [head, body.as_slice(), b"\x05"].concat();
    assert_eq!(read(&document).unwrap_err().reason, Reason::TrailingContent);
    for root in [0x01, 0x02, 0x03, 0x83, 0xC3] {
        let document = [head.as_slice(), &[root, 0x00, 0x00]].concat();
        assert_eq!(
            read(&document).unwrap_err().reason,
            Reason::MisplacedToken(root)
        );
    }
}

#[test]
fn padding_ends_a_document_and_is_read_once() {
    let head = b"\x02\xA4\x01\x6A\x00";
    for zeros in [1, 2, 400_000, 999_999] {
        let mut document = [head.as_slice(), SMALL_BODY, &vec![0; zeros]].concat();
        assert!(read(&document).unwrap().is_final);
        document.push(0x01);
        let error = read(&document).unwrap_err();
        assert_eq!(error.reason, Reason::TrailingContent);
        assert_eq!(error.offset, document.len() - 1);
    }
}

#[test]
fn a_nonce_is_kept_as_it_travels() {
    let challenge = |nonce: &[u8]| {
        let body = [
            b"\x69\x49\x5A\x00\x01\x50",
            nonce,
            b"\x01\x01\x01\x00\x00\x01",
        ]
        .concat();
        match commands(&body).unwrap().swap_remove(0) {
            Command::Status(status) => status.chal.unwrap().next_nonce.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(challenge(b"\x03bm9u\0"), Data::Text("bm9u".into()));
    assert_eq!(
        challenge(b"\xC3\x02\xFF\0"),
        Data::Opaque((&b"\xFF\0"[..]).into())
    );
}

#[test]
fn what_no_code_page_has_is_written_with_literals() {
    let element = Element {
        attributes: vec![
            crate::Attribute {
                namespace: String::new(),
                local: "plain".into(),
                value: "1".into(),
            },
            crate::Attribute {
                namespace: "urn:a".into(),
                local: "spaced".into(),
                value: "2".into(),
            },
        ],
        ..Element::new(Namespace::Other("urn:x".into()), "Frob")
            .with_child(Element::new(Namespace::Other("urn:x".into()), "Same").with_text("t"))
            .with_child(Element::new(Namespace::Other(String::new()), "None"))
            .with_child(Element::new(Namespace::SyncMl, "CmdID").with_text("1"))
            .with_child(Element::new(Namespace::SyncMl, "Frob"))
    };
    let root = Element::new(Namespace::SyncMl, "SyncBody").with_child(element);
    for media_type in [MediaType::DmWbxml, MediaType::DmXml] {
        let document = encode_element(media_type, &root).unwrap();
        let again = decode_element(media_type, &document, &Limits::default()).unwrap();
        assert_eq!(again, root, "{media_type}");
    }
}

#[test]
fn references_cannot_blow_a_document_up() {
    let mut document = b"\x02\xA4\x01\x6A\x87\x68".to_vec();
    document.extend_from_slice(&[b'x'; 1000]);
    document.extend_from_slice(b"\x6D\x6C\x65");
    for _ in 0..2000 {
        document.extend_from_slice(&[0x83, 0x00]);
    }
    let error = read(&document).unwrap_err();
    assert_eq!(error.reason, Reason::ExpandsTooFar(1 << 20));
    assert!(error.offset < document.len());
}

#[test]
fn a_shared_string_that_is_no_text_is_refused_wherever_it_stands() {
    let head = b"\x02\xA4\x01\x6A\x02\xFF\0";
    for body in [
        b"\xED\x04\x00\x03x\0\x01".as_slice(),
        b"\x43\x04\x00\x01\x6D",
        b"\x44\x00",
        b"\x6D\x6C\x65\x83\x00",
    ] {
        let document = [head, body, b"\x01\x01"].concat();
        assert_eq!(read(&document).unwrap_err().reason, Reason::NotText);
    }
}

#[test]
fn identifiers_hold_no_control_characters() {
    // Add{CmdID}, Add{Item{Target{LocURI}}}, Status{CmdRef}, Alert{Data}
    for (before, after) in [
        (b"\x45\x4B".as_slice(), b"\x01\x01".as_slice()),
        (b"\x45\x54\x6E\x57", b"\x01\x01\x01\x01"),
        (b"\x69\x4C", b"\x01\x01"),
        (b"\x46\x4F", b"\x01\x01"),
    ] {
        for (text, code) in [
            (b"\x03a\x1Bb\0".as_slice(), 0x1B),
            (b"\x03a\xC2\x9Bb\0", 0x9B),
            (b"\x03a\x7Fb\0", 0x7F),
            (b"\x03a\xEF\xBF\xBEb\0", 0xFFFE),
            (b"\xC3\x03a\0b", 0),
        ] {
            let found = commands(&[before, text, after].concat());
            assert_eq!(found, Err(Reason::IdentifierCharacter(code)), "{text:?}");
        }
        assert!(commands(&[before, b"\x03\na b\t\xC2\xA0\0", after].concat()).is_ok());
    }
    assert_eq!(
        item_data(b"\x03a\x1Bb\0"),
        Ok(Data::Text("a\u{1b}b".into())),
        "what a node holds is another matter"
    );
}

#[test]
fn memory_is_bounded_whatever_the_octets_become() {
    let limit = Limits::default().memory;
    assert!(limit < 100 * 65_536);
    for (before, unit, after) in [
        (b"".as_slice(), b"\x29".as_slice(), b"".as_slice()),
        (b"\x45", b"\x14", b"\x01"),
        (b"", b"\x45\x14\x01", b""),
        (b"\x48", b"\x69\x0E\x01", b"\x01"),
    ] {
        let body = [before, &unit.repeat(65_000 / unit.len()), after].concat();
        assert_eq!(commands(&body), Err(Reason::TooMuchMemory(limit)));
        let body = [before, &unit.repeat(3_000), after].concat();
        assert!(commands(&body).is_ok());
    }
    let opaque = [b"\x5F", b"\xC3\x00".repeat(65_000).as_slice(), b"\x01"].concat();
    assert_eq!(commands(&opaque), Err(Reason::TooMuchMemory(limit)));
    let document = b"\x02\xA4\x01\x6A\x04a\0b\0\x6D\x85\x04\x00\x04\x02\x01\x01";
    let read = |memory| {
        let limits = Limits {
            memory,
            ..Limits::default()
        };
        decode_element(MediaType::DmWbxml, document, &limits).map_err(|error| error.reason)
    };
    assert_eq!(read(300), Err(Reason::TooMuchMemory(300)));
    assert!(read(400).is_ok());
    assert!(size_of::<Command>() <= 416);
}

#[test]
fn an_attribute_occurs_once() {
    let attributes = |list: &[u8]| {
        let document = [b"\x02\xA4\x01\x6A\x04a\0b\0\xAD".as_slice(), list, b"\x01"].concat();
        decode_element(MediaType::DmWbxml, &document, &Limits::default())
            .map(|element| element.attributes.len())
            .map_err(|error| error.reason)
    };
    assert_eq!(attributes(b"\x04\x00\x04\x02"), Ok(2));
    let again = Reason::RepeatedAttribute("a".into());
    assert_eq!(attributes(b"\x04\x00\x04\x02\x04\x00"), Err(again));
}

#[test]
fn errors_tell_the_place() {
    let mut reader =
        WbxmlReader::new(b"\x02\xA4\x01\x6A\x00\x6D\x6C\x65\x40", Limits::default()).unwrap();
    let error = std::iter::repeat_with(|| reader.next())
        .find_map(Result::err)
        .map(DecodeError::from)
        .unwrap();
    assert_eq!(error.offset, 8);
    assert_eq!(
        error.to_string(),
        "the token 0x40 has no meaning here (at byte 8)"
    );
}
