use super::*;
use crate::{Cred, Data, Header, Item, Location, Meta, Namespace, Reason, Request, Status};
use zeroize::Zeroizing;

const HEADER: &str = "<SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
    <SessionID>1</SessionID><MsgID>2</MsgID><Target><LocURI>IMEI:1</LocURI></Target>\
    <Source><LocURI>http://s/dm</LocURI></Source></SyncHdr>";

fn xml(body: &str) -> String {
    format!("<SyncML xmlns='SYNCML:SYNCML1.2'>{HEADER}<SyncBody>{body}<Final/></SyncBody></SyncML>")
}

fn read(document: &str) -> Result<Message, DecodeError> {
    decode(MediaType::DmXml, document.as_bytes(), &Limits::default())
}

fn commands(body: &str) -> Vec<Command> {
    let message = read(&xml(body)).unwrap();
    assert_eq!(message.header.msg_id, "2");
    assert!(message.is_final);
    message.commands
}

fn item_data(data: &str) -> Data {
    let body = format!("<Add><CmdID>1</CmdID><Item><Data>{data}</Data></Item></Add>");
    match commands(&body).swap_remove(0) {
        Command::Add(mut add) => add.items.swap_remove(0).data.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_is_assembled_from_text_references_and_cdata() {
    for (written, read) in [
        ("", ""),
        ("a&amp;b", "a&b"),
        (" a\n ", " a\n "),
        ("a\r\nb", "a\nb"),
        ("&#233;&#xE9;", "éé"),
        ("<![CDATA[<a>&amp;</a>]]>b", "<a>&amp;</a>b"),
        ("&lt;x&gt;&quot;&apos;", "<x>\"'"),
        ("a<!-- b -->c", "ac"),
    ] {
        assert_eq!(item_data(written), Data::Text(read.into()), "{written}");
    }
}

#[test]
fn identifiers_are_trimmed_and_kept_verbatim_otherwise() {
    let found = commands(
        "<Get><CmdID>\n 0a1F-b </CmdID><Item><Target><LocURI> ./A%20B/C?prop=ACL\n</LocURI></Target></Item></Get>",
    );
    let Some(Command::Get(get)) = found.first() else {
        panic!("{found:?}")
    };
    assert_eq!(get.cmd_id, "0a1F-b");
    assert_eq!(
        get.items[0].target.as_ref().unwrap().uri,
        "./A%20B/C?prop=ACL"
    );
}

#[test]
fn metinf_is_known_with_its_namespace_anywhere_or_nowhere() {
    for meta in [
        "<Meta><Format xmlns='syncml:metinf'>b64</Format><Type xmlns='syncml:metinf'>x</Type></Meta>",
        "<Meta xmlns='syncml:metinf'><Format>b64</Format><Type>x</Type></Meta>",
        "<Meta><Format>b64</Format><Type>x</Type></Meta>",
        "<Meta><MetInf xmlns='syncml:metinf'><Format>b64</Format><Type>x</Type></MetInf></Meta>",
        "<Meta xmlns:m='syncml:metinf'><m:Type> x </m:Type><m:Format>b64</m:Format></Meta>",
        "<Meta><m:Format>b64</m:Format><n:Type>x</n:Type></Meta>",
    ] {
        let found = commands(&format!("<Add><CmdID>1</CmdID>{meta}<Item/></Add>"));
        let Some(Command::Add(add)) = found.first() else {
            panic!("{found:?}")
        };
        assert_eq!(add.meta.format.as_deref(), Some("b64"), "{meta}");
        assert_eq!(add.meta.type_.as_deref(), Some("x"), "{meta}");
        assert_eq!(add.meta.others, [], "{meta}");
        assert_eq!(add.items, [Item::default()]);
    }
}

#[test]
fn prefixes_and_missing_namespaces_are_the_same_message() {
    let plain = xml("<Alert><CmdID>1</CmdID><Data>1222</Data></Alert>");
    let bare = plain.replace(" xmlns='SYNCML:SYNCML1.2'", "");
    let prefixed = plain
        .replace('<', "<s:")
        .replace("<s:/", "</s:")
        .replace("<s:SyncML xmlns=", "<s:SyncML xmlns:s=");
    let old = plain.replace("SYNCML1.2", "SYNCML1.1");
    let marked =
        format!("\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- c -->{plain}\n\0");
    let typed =
        format!("<!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.2//EN\" \"http://x/y\">{plain}");
    let expected = read(&plain).unwrap();
    assert_eq!(expected.commands.len(), 1);
    for variant in [bare, prefixed, old, marked, typed] {
        assert_eq!(read(&variant).unwrap(), expected, "{variant}");
    }
}

#[test]
fn children_come_in_any_order_and_foreign_ones_are_passed_over() {
    let found = commands(
        "<Status><Data>401</Data><x xmlns='urn:x'><Data>9</Data></x><Chal><Meta>\
         <NextNonce xmlns='syncml:metinf'>bm9u\n</NextNonce></Meta></Chal>\
         <CmdRef>0</CmdRef><MsgRef>1</MsgRef><Cmd>SyncHdr</Cmd><CmdID>1</CmdID></Status>",
    );
    let expected = Status {
        cmd_id: "1".into(),
        msg_ref: "1".into(),
        cmd_ref: Some("0".into()),
        cmd: "SyncHdr".into(),
        data: "401".into(),
        chal: Some(Meta {
            next_nonce: Some(Data::Text("bm9u".into())),
            ..Meta::default()
        }),
        ..Status::default()
    };
    assert_eq!(found, [Command::Status(expected)]);
}

#[test]
fn commands_that_nobody_knows_are_kept() {
    let found =
        commands("<Put><CmdID>7</CmdID></Put><Frob xmlns='urn:x' y='z'><CmdID>8</CmdID></Frob>");
    let [Command::Other(put), Command::Other(frob)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(put.child("CmdID").unwrap().text(), "7");
    assert_eq!(frob.name.namespace, Namespace::Other("urn:x".into()));
    assert_eq!(frob.attributes[0].value, "z");
    assert_eq!(frob.child("CmdID").unwrap().text(), "8");
}

#[test]
fn a_tree_that_is_not_escaped_becomes_elements() {
    let data = item_data(
        "\n<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD>\n<Node><NodeName>A</NodeName></Node></MgmtTree> ",
    );
    let Data::Elements(elements) = data else {
        panic!("{data:?}")
    };
    let tree = &elements[0];
    assert_eq!(tree.name.namespace, Namespace::DmDdf);
    assert_eq!(
        tree.child("VerDTD").unwrap().name.namespace,
        Namespace::DmDdf
    );
    assert_eq!(tree.children.len(), 2, "layout is dropped");
}

#[test]
fn a_declared_namespace_wins_over_the_parents() {
    let document = "<MgmtTree xmlns='syncml:dmddf1.2'><Node><RTProperties>\
        <Type xmlns='syncml:metinf'>x</Type><m:Format xmlns:m='syncml:metinf'/><Size/>\
        </RTProperties></Node></MgmtTree>";
    let limits = Limits::default();
    let tree = decode_element(MediaType::DmXml, document.as_bytes(), &limits).unwrap();
    let properties = tree.child("Node").unwrap().child("RTProperties").unwrap();
    let namespaces: Vec<_> = properties.elements().map(|e| &e.name.namespace).collect();
    assert_eq!(
        namespaces,
        [&Namespace::MetInf, &Namespace::MetInf, &Namespace::DmDdf]
    );
    for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
        let written = encode_element(media_type, &tree).unwrap();
        assert_eq!(decode_element(media_type, &written, &limits).unwrap(), tree);
    }
    let inherited = "<MgmtTree xmlns='SYNCML:SYNCML1.2'><VerDTD>1.2</VerDTD></MgmtTree>";
    let Data::Elements(trees) = item_data(inherited) else {
        panic!("elements")
    };
    let version = trees[0].child("VerDTD").unwrap();
    assert_eq!(version.name.namespace, Namespace::DmDdf);
}

#[test]
fn numbers_that_are_none_stay_as_they_came() {
    let found = commands("<Add><Meta><Size>12</Size><MaxObjSize>many</MaxObjSize></Meta></Add>");
    let Some(Command::Add(add)) = found.first() else {
        panic!("{found:?}")
    };
    assert_eq!(add.meta.size, Some(12));
    assert_eq!(add.meta.max_obj_size, None);
    assert_eq!(add.meta.others[0].text(), "many");
}

#[test]
fn malformed_xml_is_refused_with_its_place() {
    let deep = format!("<SyncML>{}", "<a>".repeat(200));
    for (document, reason) in [
        ("", Reason::UnexpectedEnd),
        ("<SyncML>", Reason::UnexpectedEnd),
        ("<SyncML", Reason::UnexpectedEnd),
        ("<SyncML></SyncML>", Reason::Missing("SyncHdr")),
        ("<SyncML><SyncHdr/></SyncML>", Reason::Missing("SyncBody")),
        (
            "<SyncML><SyncHdr/><SyncHdr/><SyncBody/></SyncML>",
            Reason::Repeated("SyncHdr"),
        ),
        (
            "<SyncML><SyncBody/><SyncHdr/><SyncBody><Final/></SyncBody></SyncML>",
            Reason::Repeated("SyncBody"),
        ),
        ("<MgmtTree/>", Reason::NotSyncMl("MgmtTree".into())),
        ("<SyncML>&e;</SyncML>", Reason::UnknownEntity("e".into())),
        (
            "<!DOCTYPE a [<!ENTITY e 'x'>]><SyncML/>",
            Reason::InternalSubset,
        ),
        (
            "<?xml version='1.0' encoding='latin1'?><SyncML/>",
            Reason::Encoding("latin1".into()),
        ),
        (deep.as_str(), Reason::TooDeep(64)),
        (
            "<SyncML><SyncHdr/><SyncBody/></SyncML><a/>",
            Reason::TrailingContent,
        ),
        (
            "<SyncML><SyncHdr/><SyncBody/></SyncML>x",
            Reason::TrailingContent,
        ),
    ] {
        assert_eq!(read(document).unwrap_err().reason, reason, "{document}");
    }
    let utf_16: Vec<u8> = "\u{FEFF}<SyncML/>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let error = decode(MediaType::DmXml, &utf_16, &Limits::default()).unwrap_err();
    assert_eq!(error.reason, Reason::Encoding("UTF-16".into()));
    let error = decode(
        MediaType::DmXml,
        b"<SyncML>\xFF</SyncML>",
        &Limits::default(),
    );
    assert_eq!(error.unwrap_err().reason, Reason::NotText);
    let error = read("<SyncML><SyncHdr></SyncBody></SyncML>").unwrap_err();
    assert!(matches!(error.reason, Reason::Xml(_)), "{error}");
    assert_eq!(error.offset, 17);
}

#[test]
fn characters_that_xml_forbids_are_refused() {
    for (document, reason) in [
        ("<SyncML>&#1;</SyncML>", Reason::ControlCharacter(1)),
        ("<SyncML>\u{1}</SyncML>", Reason::ControlCharacter(1)),
        (
            "<SyncML>\u{FF5E}\u{FFFF}<",
            Reason::ControlCharacter(0xFFFF),
        ),
        ("<SyncML x='\u{FFFE}'/>", Reason::ControlCharacter(0xFFFE)),
        ("<SyncML><\u{9b}/>", Reason::Name("\u{9b}".into())),
        (
            "<SyncML><SyncHdr><MsgID>1\u{9b}</MsgID>",
            Reason::IdentifierCharacter(0x9b),
        ),
        ("<SyncML x='&#xFFFE;'/>", Reason::ControlCharacter(0xFFFE)),
    ] {
        assert_eq!(read(document).unwrap_err().reason, reason, "{document}");
    }
}

#[test]
fn errors_quote_little_of_the_document_and_plainly() {
    let long = "x".repeat(10_000);
    let evil = "x\u{9b}2J\u{202e}";
    for name in [long.as_str(), evil] {
        for document in [
            format!("<{name}/>"),
            format!("<SyncML {name}='' {name}=''/>"),
            format!("<SyncML>&{name};</SyncML>"),
            format!("<SyncML></{name}>"),
            format!("<SyncML></SyncML></{name}>"),
            format!("<?xml version='1.0' encoding='{name}'?><SyncML/>"),
            format!("<?xml version='{name}'?><SyncML/>"),
            format!("<SyncML x='&{name};'/>"),
            format!("<SyncML x='&#{name};'/>"),
            format!("<SyncML>&#{name};</SyncML>"),
        ] {
            let text = read(&document).unwrap_err().to_string();
            assert!(text.len() < 200, "{text}");
            assert!(
                text.chars().all(|c| crate::error::is_plain(c) || c == '\\'),
                "{text:?}"
            );
        }
    }
}

#[test]
fn limits_hold() {
    let document = xml("<Get><CmdID>1</CmdID></Get>");
    let read = |limits: Limits| decode(MediaType::DmXml, document.as_bytes(), &limits);
    let standard = Limits::default();
    let reason = |limits| read(limits).unwrap_err().reason;
    assert_eq!(
        reason(Limits {
            message_bytes: 20,
            ..standard
        }),
        Reason::TooLong(20)
    );
    assert_eq!(
        reason(Limits {
            elements: 5,
            ..standard
        }),
        Reason::TooManyElements(5)
    );
    assert_eq!(
        reason(Limits {
            depth: 3,
            ..standard
        }),
        Reason::TooDeep(3)
    );
    let many = "<SyncML a='1' b='2' c='3'/>";
    let limits = Limits {
        attributes: 2,
        ..standard
    };
    let error = decode(MediaType::DmXml, many.as_bytes(), &limits).unwrap_err();
    assert_eq!(error.reason, Reason::TooManyAttributes(2));
    let body = format!("<F xmlns='{}'>{}</F>", "u".repeat(999), "<f/>".repeat(2000));
    let error = decode(MediaType::DmXml, xml(&body).as_bytes(), &standard).unwrap_err();
    assert_eq!(error.reason, Reason::ExpandsTooFar(1 << 20));
}

#[test]
fn namespaces_in_force_are_bounded() {
    let declarations: Vec<String> = (0..30).map(|i| format!("xmlns:p{i}='urn:x'")).collect();
    let element = format!("<f {}></f>", declarations.join(" "));
    assert_eq!(commands(&element.repeat(50)).len(), 50);
    let nested = element.replace("></f>", ">").repeat(3);
    let error = read(&xml(&nested)).unwrap_err();
    assert_eq!(error.reason, Reason::TooManyNamespaces(64));
}

#[test]
fn a_message_is_written_in_the_order_of_the_dtd() {
    let message = Message {
        header: Header {
            ver_dtd: "1.2".into(),
            ver_proto: "DM/1.2".into(),
            session_id: "A1".into(),
            msg_id: "1".into(),
            target: Location {
                uri: "http://s/dm?a=1&b=2".into(),
                name: None,
            },
            source: Location {
                uri: "IMEI:1".into(),
                name: Some("Bruce2".into()),
            },
            cred: Some(Cred {
                meta: Box::new(Meta {
                    format: Some("b64".into()),
                    ..Meta::default()
                }),
                data: Zeroizing::new("QQ==".into()),
            }),
            meta: Meta {
                max_msg_size: Some(5000),
                ..Meta::default()
            },
            ..Header::default()
        },
        commands: vec![Command::Replace(Request {
            cmd_id: "2".into(),
            items: vec![Item {
                source: Some(Location {
                    uri: "./DevInfo/DevId".into(),
                    name: None,
                }),
                data: Some(Data::Text("<&>\r".into())),
                more_data: true,
                ..Item::default()
            }],
            ..Request::default()
        })],
        is_final: true,
    };
    let document = encode(MediaType::DmXml, &message).unwrap();
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SyncML xmlns=\"SYNCML:SYNCML1.2\">\
        <SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>A1</SessionID>\
        <MsgID>1</MsgID><Target><LocURI>http://s/dm?a=1&amp;b=2</LocURI></Target>\
        <Source><LocURI>IMEI:1</LocURI><LocName>Bruce2</LocName></Source>\
        <Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format></Meta><Data>QQ==</Data></Cred>\
        <Meta><MaxMsgSize xmlns=\"syncml:metinf\">5000</MaxMsgSize></Meta></SyncHdr>\
        <SyncBody><Replace><CmdID>2</CmdID><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source>\
        <Data>&lt;&amp;&gt;&#13;</Data><MoreData/></Item></Replace><Final/></SyncBody></SyncML>";
    assert_eq!(String::from_utf8(document.clone()).unwrap(), expected);
    assert_eq!(
        decode(MediaType::DmXml, &document, &Limits::default()).unwrap(),
        message
    );
}

#[test]
fn xml_is_written_only_with_the_characters_it_has() {
    let text = |text: &str| Element::new(Namespace::SyncMl, "Data").with_text(text);
    let fine = text("\u{FF5E}\u{FFFD}\u{10FFFF}\u{7F}\t");
    let written = encode_element(MediaType::DmXml, &fine).unwrap();
    let again = decode_element(MediaType::DmXml, &written, &Limits::default());
    assert_eq!(again.unwrap(), fine);
    for code in [0x00, 0x1B, 0xFFFE, 0xFFFF] {
        let character = char::from_u32(code).unwrap();
        let element = "Data".into();
        assert_eq!(
            encode_element(MediaType::DmXml, &text(&format!("\u{FF5E}{character}"))),
            Err(EncodeError::Character { element, code })
        );
    }
    for name in ["\u{FFFE}", "\u{2028}x", "a\u{D7}", "1a", "a:b", ""] {
        let element = Element::new(Namespace::Other("urn:x".into()), name.to_owned());
        for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
            let error = EncodeError::Name(name.into());
            assert_eq!(encode_element(media_type, &element), Err(error));
        }
    }
}

#[test]
fn encodings_are_told_apart() {
    assert_eq!(sniff(b"<?xml"), Some(MediaType::DmXml));
    assert_eq!(sniff("\u{FEFF}<a".as_bytes()), Some(MediaType::DmXml));
    assert_eq!(sniff(&[0x02, 0xA4, 0x01]), Some(MediaType::DmWbxml));
    assert_eq!(sniff(&[0x00, 0xA4, 0x01]), Some(MediaType::DmWbxml));
    assert_eq!(sniff(b"{}"), None);
    assert_eq!(sniff(b""), None);
}
