//! What holds for every message, whatever is in it.

use super::*;
use crate::{
    Alert, Attribute, Container, Cred, Data, Header, Item, Location, Meta, Node, Request, Results,
    Status, dump, mask,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use zeroize::Zeroizing;

/// Text as it may stand in `Data`: white space counts.
fn free_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,16}",
        "[\\t\\n\\r <&>\"'\\]é漢\u{1F600}\u{FFFD}a]{0,12}",
        Just("]]>".to_owned()),
    ]
}

/// Text of an identifier or a code: white space around it does not count.
fn token() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{0,8}", "[!-~é][ -~é]{0,6}[!-~]"]
}

fn foreign_name() -> impl Strategy<Value = String> {
    "x[A-Za-z0-9._-]{0,6}"
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let one = (
        prop_oneof![Just(""), Just("urn:a"), Just(crate::xml::XML_NAMESPACE)],
        foreign_name(),
        free_text(),
    );
    vec(one, 0..3).prop_map(|all| {
        let mut attributes: Vec<Attribute> = Vec::new();
        for (namespace, local, value) in all {
            let mut known = attributes.iter();
            if !known.any(|a| a.local == local && a.namespace == namespace) {
                let namespace = namespace.to_owned();
                attributes.push(Attribute {
                    namespace,
                    local,
                    value,
                });
            }
        }
        attributes
    })
}

/// A tree of elements from one page's names, or of foreign ones, below a root of that kind.
fn tree(
    namespace: Namespace,
    names: &'static [&'static str],
    octets: bool,
) -> BoxedStrategy<Element> {
    let foreign = names.is_empty();
    let name = if foreign {
        foreign_name().boxed()
    } else {
        proptest::sample::select(names)
            .prop_map(str::to_owned)
            .boxed()
    };
    let attributes = if foreign {
        attributes().boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    let make = move |(local, attributes, children)| Element {
        attributes,
        children,
        ..Element::new(namespace.clone(), String::leak(local) as &str)
    };
    let content = prop_oneof![
        Just(Vec::new()),
        free_text().prop_filter_map("empty", |text| {
            (!text.is_empty()).then(|| vec![Node::Text(text)])
        }),
        vec(any::<u8>(), 0..6).prop_map(move |bytes| {
            if octets {
                vec![Node::Opaque(bytes.into())]
            } else {
                Vec::new()
            }
        }),
    ];
    let leaf = (name.clone(), attributes.clone(), content).prop_map(make.clone());
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let children = vec(inner.prop_map(Node::Element), 1..3);
        (name.clone(), attributes.clone(), children).prop_map(make.clone())
    })
    .boxed()
}

/// An element of one page around one of another page that has an element of the same name.
fn switched(octets: bool) -> BoxedStrategy<Element> {
    const SHARED: &[&str] = &["Format", "Size", "Type"];
    let pages = prop_oneof![
        Just((Namespace::DmDdf, Namespace::MetInf)),
        Just((Namespace::MetInf, Namespace::DmDdf)),
    ];
    pages
        .prop_flat_map(move |(outer, inner)| {
            let inner = tree(inner, SHARED, octets);
            (proptest::sample::select(SHARED), inner)
                .prop_map(move |(name, inner)| Element::new(outer.clone(), name).with_child(inner))
        })
        .boxed()
}

fn any_element(octets: bool) -> BoxedStrategy<Element> {
    prop_oneof![
        switched(octets),
        tree(
            Namespace::DmDdf,
            &["MgmtTree", "Node", "Value", "Format", "chr"],
            octets
        ),
        tree(Namespace::Other("urn:x".to_owned()), &[], octets),
        tree(Namespace::Other(String::new()), &[], octets),
    ]
    .boxed()
}

fn data(octets: bool) -> BoxedStrategy<Data> {
    prop_oneof![
        4 => free_text().prop_map(Data::Text),
        2 => vec(any::<u8>(), 0..8).prop_map(move |bytes| {
            if octets {
                Data::Opaque(bytes.into())
            } else {
                Data::Text(String::new())
            }
        }),
        1 => vec(any_element(octets), 1..3).prop_map(Data::Elements),
    ]
    .boxed()
}

fn others() -> BoxedStrategy<Vec<Element>> {
    let known = |name: &'static str| Element::new(Namespace::MetInf, name);
    (any::<bool>(), of(token()), vec(token(), 0..2))
        .prop_map(move |(level, next, extras)| {
            let mut others = Vec::new();
            if level {
                others.push(known("FieldLevel"));
            }
            if let Some(next) = next {
                let mut child = known("Next");
                if !next.is_empty() {
                    child = child.with_text(next);
                }
                others.push(known("Anchor").with_child(child));
            }
            for extra in extras {
                others.push(known("EMI").with_text(format!("e{extra}")));
            }
            others
        })
        .boxed()
}

fn meta(octets: bool) -> BoxedStrategy<Meta> {
    let nonce = prop_oneof![
        token().prop_map(Data::Text),
        vec(any::<u8>(), 0..5).prop_map(move |bytes| {
            if octets {
                Data::Opaque(bytes.into())
            } else {
                Data::Text("bm9u".to_owned())
            }
        }),
    ];
    let filled = (
        (of(token()), of(token()), of(token()), of(any::<u64>())),
        (of(nonce), of(any::<u64>()), of(any::<u64>()), others()),
    );
    let filled = filled.prop_map(|((format, type_, mark, size), rest)| Meta {
        format,
        type_,
        mark,
        size,
        next_nonce: rest.0,
        max_msg_size: rest.1,
        max_obj_size: rest.2,
        others: rest.3,
    });
    prop_oneof![Just(Meta::default()), filled].boxed()
}

fn location() -> BoxedStrategy<Location> {
    (token(), of(token()))
        .prop_map(|(uri, name)| Location { uri, name })
        .boxed()
}

fn cred(octets: bool) -> BoxedStrategy<Cred> {
    (meta(octets), token())
        .prop_map(|(meta, data)| Cred {
            meta: Box::new(meta),
            data: Zeroizing::new(data),
        })
        .boxed()
}

fn item(octets: bool) -> BoxedStrategy<Item> {
    let addresses = (of(location()), of(location()), of(token()), of(token()));
    let rest = (meta(octets), of(data(octets)), any::<bool>());
    (addresses, rest)
        .prop_map(
            |((target, source, target_parent, source_parent), rest)| Item {
                target,
                source,
                target_parent,
                source_parent,
                meta: rest.0,
                data: rest.1,
                more_data: rest.2,
            },
        )
        .boxed()
}

fn items(octets: bool) -> impl Strategy<Value = Vec<Item>> {
    vec(item(octets), 0..3)
}

fn request(octets: bool) -> BoxedStrategy<Request> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let texts = (token(), of(token()), of(token()));
    let rest = (of(cred(octets)), meta(octets), items(octets));
    (flags, texts, rest)
        .prop_map(|(flags, (cmd_id, lang, correlator), rest)| Request {
            cmd_id,
            no_resp: flags.0,
            archive: flags.1,
            soft_delete: flags.2,
            lang,
            cred: rest.0,
            meta: rest.1,
            correlator,
            items: rest.2,
        })
        .boxed()
}

fn alert(octets: bool) -> BoxedStrategy<Alert> {
    let texts = (token(), of(token()), of(token()));
    (texts, any::<bool>(), of(cred(octets)), items(octets))
        .prop_map(|((cmd_id, data, correlator), no_resp, cred, items)| Alert {
            cmd_id,
            no_resp,
            cred,
            data,
            correlator,
            items,
        })
        .boxed()
}

fn results(octets: bool) -> BoxedStrategy<Results> {
    let texts = (token(), of(token()), of(token()), of(token()), of(token()));
    (texts, meta(octets), items(octets))
        .prop_map(|(texts, meta, items)| Results {
            cmd_id: texts.0,
            msg_ref: texts.1,
            cmd_ref: texts.2,
            meta,
            target_ref: texts.3,
            source_ref: texts.4,
            items,
        })
        .boxed()
}

fn status(octets: bool) -> BoxedStrategy<Status> {
    let texts = (token(), token(), of(token()), token(), token());
    let refs = (vec(token(), 0..3), vec(token(), 0..3));
    let rest = (of(cred(octets)), of(meta(octets)), items(octets));
    (texts, refs, rest)
        .prop_map(|(texts, (target_refs, source_refs), rest)| Status {
            cmd_id: texts.0,
            msg_ref: texts.1,
            cmd_ref: texts.2,
            cmd: texts.3,
            data: texts.4,
            target_refs,
            source_refs,
            cred: rest.0,
            chal: rest.1,
            items: rest.2,
        })
        .boxed()
}

fn command(octets: bool) -> BoxedStrategy<Command> {
    const UNUSED: &[&str] = &["Put", "Search", "Map", "Sync", "Move", "MapItem", "LocURI"];
    let plain = prop_oneof![
        request(octets).prop_map(Command::Add),
        request(octets).prop_map(Command::Replace),
        request(octets).prop_map(Command::Delete),
        request(octets).prop_map(Command::Copy),
        request(octets).prop_map(Command::Get),
        request(octets).prop_map(Command::Exec),
        alert(octets).prop_map(Command::Alert),
        results(octets).prop_map(Command::Results),
        status(octets).prop_map(Command::Status),
        tree(Namespace::SyncMl, UNUSED, octets).prop_map(Command::Other),
        any_element(octets).prop_map(Command::Other),
    ];
    plain
        .prop_recursive(3, 8, 3, move |inner| {
            (
                any::<bool>(),
                token(),
                any::<bool>(),
                meta(octets),
                vec(inner, 0..3),
            )
                .prop_map(|(atomic, cmd_id, no_resp, meta, commands)| {
                    let container = Container {
                        cmd_id,
                        no_resp,
                        meta,
                        commands,
                    };
                    if atomic {
                        Command::Atomic(container)
                    } else {
                        Command::Sequence(container)
                    }
                })
        })
        .boxed()
}

fn message(octets: bool) -> BoxedStrategy<Message> {
    let texts = (token(), token(), token(), token(), of(token()));
    let header = (
        texts,
        (location(), location()),
        (any::<bool>(), of(cred(octets)), meta(octets)),
    );
    let header = header.prop_map(|(texts, (target, source), rest)| Header {
        ver_dtd: texts.0,
        ver_proto: texts.1,
        session_id: texts.2,
        msg_id: texts.3,
        target,
        source,
        resp_uri: texts.4,
        no_resp: rest.0,
        cred: rest.1,
        meta: rest.2,
    });
    (header, vec(command(octets), 0..4), any::<bool>())
        .prop_map(|(header, commands, is_final)| Message {
            header,
            commands,
            is_final,
        })
        .boxed()
}

/// Changes octets, cuts the end off, or repeats a piece.
fn mutate(document: &mut Vec<u8>, changes: &[(usize, u8, u8)]) {
    for &(at, how, octet) in changes {
        if document.is_empty() {
            return;
        }
        let at = at % document.len();
        match how % 5 {
            0 => document[at] = octet,
            1 => drop(document.remove(at)),
            2 => document.insert(at, octet),
            3 => document[at] ^= 1 << (octet % 8),
            _ if octet < 8 => document.truncate(at),
            _ => {
                let end = (at + usize::from(octet)).min(document.len());
                let piece = document[at..end].to_vec();
                document.splice(at..at, piece);
            }
        }
    }
}

/// Reads what may be anything. What is accepted can be shown, and written if it can be, comes
/// back as it was.
fn survive(media_type: MediaType, document: &[u8]) {
    let limits = Limits::default();
    if let Ok(mut element) = decode_element(media_type, document, &limits) {
        let lines = dump(&element).lines().count();
        assert!(lines <= 3 + 3 * document.len());
        mask(&mut element);
        let _ = dump(&element);
        let _ = encode_element(MediaType::DmXml, &element);
        let _ = encode_element(MediaType::DmWbxml, &element);
    }
    match decode(media_type, document, &limits) {
        Ok(message) => {
            if let Ok(written) = encode(media_type, &message) {
                let again = decode(media_type, &written, &limits).unwrap();
                let written = encode(media_type, &again).unwrap();
                assert_eq!(decode(media_type, &written, &limits).unwrap(), again);
            }
        }
        Err(error) => {
            assert!(error.offset <= document.len(), "{error}");
            assert!(!error.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn xml_comes_back_as_it_was(message in message(false)) {
        let document = encode(MediaType::DmXml, &message).unwrap();
        let again = decode(MediaType::DmXml, &document, &Limits::default()).unwrap();
        prop_assert_eq!(again, message);
    }

    #[test]
    fn wbxml_comes_back_as_it_was(message in message(true)) {
        let document = encode(MediaType::DmWbxml, &message).unwrap();
        let again = decode(MediaType::DmWbxml, &document, &Limits::default()).unwrap();
        prop_assert_eq!(again, message);
    }

    #[test]
    fn both_encodings_say_the_same(message in message(false)) {
        let xml = encode(MediaType::DmXml, &message).unwrap();
        let wbxml = encode(MediaType::DmWbxml, &message).unwrap();
        let limits = Limits::default();
        prop_assert_eq!(
            decode_element(MediaType::DmXml, &xml, &limits).unwrap(),
            decode_element(MediaType::DmWbxml, &wbxml, &limits).unwrap()
        );
    }

    #[test]
    fn lengths_are_known_before_writing(message in message(false)) {
        let empty = Message { commands: Vec::new(), ..message.clone() };
        for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
            let base = encode(media_type, &empty).unwrap().len();
            let lengths = message.commands.iter().map(|c| encoded_len(media_type, c));
            let foreseen = base + lengths.sum::<usize>();
            let length = encode(media_type, &message).unwrap().len();
            prop_assert!(length <= foreseen, "{} > {}", length, foreseen);
            if media_type == MediaType::DmXml {
                prop_assert_eq!(length, foreseen);
            }
        }
    }

    #[test]
    fn random_octets_are_survived(document in vec(any::<u8>(), 0..300)) {
        survive(MediaType::DmXml, &document);
        survive(MediaType::DmWbxml, &document);
        let body = [&[0x02, 0xA4, 0x01, 0x6A, 0x04, b'a', 0, b'b', 0], document.as_slice()].concat();
        survive(MediaType::DmWbxml, &body);
    }

    #[test]
    fn mutated_messages_are_survived(
        message in message(true),
        plain in message(false),
        changes in vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6),
    ) {
        let mut document = encode(MediaType::DmWbxml, &message).unwrap();
        mutate(&mut document, &changes);
        survive(MediaType::DmWbxml, &document);
        let mut document = encode(MediaType::DmXml, &plain).unwrap();
        mutate(&mut document, &changes);
        survive(MediaType::DmXml, &document);
    }
}
