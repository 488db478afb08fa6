//! The codec against an independent one: `xml2wbxml` and `wbxml2xml` of libwbxml.
//!
//! libwbxml 0.11.8 aborts on some malformed input, so it runs as a child process with a limit
//! on its time. Where the two differ on purpose, [`normal`] says how.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: runs programs and reads vectors"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

use omadm_syncml::MediaType::{DmWbxml, DmXml};
use omadm_syncml::{
    Data, Element, Limits, MediaType, Message, Node, Reason, decode, decode_element, dump, encode,
    encode_element, sniff,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What the other codec made of a document.
#[derive(Debug)]
enum Verdict {
    /// It wrote a document.
    Accepted(Vec<u8>),
    /// It said no, or died.
    Refused(String),
}

/// libwbxml's two programs in a folder for their files.
struct Oracle {
    folder: tempfile::TempDir,
}

impl Oracle {
    /// `None` when the programs are missing, which is said.
    fn find(test: &str) -> Option<Self> {
        for program in ["xml2wbxml", "wbxml2xml"] {
            let mut command = Command::new(program);
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if is_missing(&status) {
                println!("skipped: {test}: {program} is missing (package libwbxml2-utils)");
                return None;
            }
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn to_wbxml(&self, xml: &[u8], options: &[&str]) -> Verdict {
        self.run("xml2wbxml", options, xml)
    }

    fn to_xml(&self, wbxml: &[u8]) -> Verdict {
        self.run("wbxml2xml", &["-m", "0"], wbxml)
    }

    fn run(&self, program: &str, options: &[&str], document: &[u8]) -> Verdict {
        let input = self.folder.path().join("in");
        let output = self.folder.path().join("out");
        fs::write(&input, document).unwrap();
        let _ = fs::remove_file(&output);
        let mut child = Command::new(program)
            .args(options)
            .arg("-o")
            .args([&output, &input])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > TIME_LIMIT {
                child.kill().unwrap();
                child.wait().unwrap();
                return Verdict::Refused("it ran for too long".to_owned());
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        match fs::read(&output) {
            Ok(document) if status.success() => Verdict::Accepted(document),
            _ => Verdict::Refused(status.to_string()),
        }
    }
}

fn is_missing<T>(started: &std::io::Result<T>) -> bool {
    matches!(started, Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

fn messages() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/messages");
    let mut all: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .map(|path| (name_of(&path), fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn read(media_type: MediaType, document: &[u8]) -> Element {
    decode_element(media_type, document, &Limits::default())
        .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(document)))
}

/// The element without the differences that are nobody's fault: libwbxml writes text as OPAQUE,
/// and a tree as a document of its own with another media type.
fn normal(mut element: Element) -> Element {
    let mut children: Vec<Node> = Vec::new();
    for child in std::mem::take(&mut element.children) {
        let child = match child {
            Node::Element(child) => Node::Element(normal(child)),
            Node::Text(text) => Node::Text(text.replace("dmtnds+wbxml", "dmtnds+xml")),
            Node::Opaque(octets) => match std::str::from_utf8(&octets) {
                Ok(text) if sniff(&octets) != Some(DmWbxml) => Node::Text(text.to_owned()),
                _ => Node::Element(normal(read(DmWbxml, &octets))),
            },
        };
        match (children.last_mut(), child) {
            (_, Node::Text(text)) if text.is_empty() => {}
            (Some(Node::Text(so_far)), Node::Text(text)) => so_far.push_str(&text),
            (_, child) => children.push(child),
        }
    }
    element.children = children;
    element
}

/// The message with its OPAQUE data as text.
fn as_text(mut message: Message) -> Message {
    for command in &mut message.commands {
        each_data(command, &mut |data| {
            if let Data::Opaque(octets) = data
                && let Ok(text) = String::from_utf8(octets.to_vec())
                && sniff(text.as_bytes()) != Some(DmWbxml)
            {
                *data = Data::Text(text);
            }
        });
    }
    message
}

fn each_data(command: &mut omadm_syncml::Command, change: &mut dyn FnMut(&mut Data)) {
    use omadm_syncml::Command as C;
    let items = match command {
        C::Add(r) | C::Replace(r) | C::Delete(r) | C::Copy(r) | C::Get(r) | C::Exec(r) => {
            &mut r.items
        }
        C::Alert(alert) => &mut alert.items,
        C::Results(results) => &mut results.items,
        C::Status(status) => &mut status.items,
        C::Atomic(container) | C::Sequence(container) => {
            for member in &mut container.commands {
                each_data(member, change);
            }
            return;
        }
        C::Other(element) => {
            *element = normal(element.clone());
            return;
        }
    };
    for data in items.iter_mut().filter_map(|item| item.data.as_mut()) {
        change(data);
    }
}

/// Makes a document of each tree in a `Data`: libwbxml does not know the tags of a tree when they
/// stand in the message itself.
fn embed_trees(element: &mut Element) {
    let in_data = element.name.local == "Data";
    for child in &mut element.children {
        match child {
            Node::Element(tree) if in_data && tree.name.local == "MgmtTree" => {
                let octets = encode_element(DmWbxml, tree).unwrap();
                *child = Node::Opaque(octets.into());
            }
            Node::Element(child) => embed_trees(child),
            Node::Text(text) if text == "application/vnd.syncml.dmtnds+xml" => {
                "application/vnd.syncml.dmtnds+wbxml".clone_into(text);
            }
            Node::Text(_) | Node::Opaque(_) => {}
        }
    }
}

/// Fails with the first line that differs.
fn assert_same(found: &Element, expected: &Element, what: &str) {
    if found != expected {
        let (found, expected) = (dump(found), dump(expected));
        let mut lines = found.lines().zip(expected.lines());
        let differs = lines.find(|(found, expected)| found != expected);
        panic!("{what}: {differs:?} in\n{found}");
    }
}

fn names(element: &Element, found: &mut BTreeSet<(String, String)>) {
    let namespace = element.name.namespace.as_str().to_owned();
    found.insert((namespace, element.name.local.to_string()));
    for child in element.elements() {
        names(child, found);
    }
}

#[test]
fn the_messages_cover_every_element() {
    let all = messages();
    assert!(all.len() >= 60, "{}", all.len());
    let mut found = BTreeSet::new();
    for (_, document) in &all {
        names(&read(DmXml, document), &mut found);
    }
    let count = |namespace: &str| found.iter().filter(|(n, _)| n == namespace).count();
    // All but the reserved token of page 0.
    assert_eq!(count("SYNCML:SYNCML1.2"), 55);
    assert_eq!(count("syncml:metinf"), 18);
    assert_eq!(count("syncml:dmddf1.2"), 56);
}

#[test]
fn what_the_other_encoder_writes_is_read() {
    let Some(oracle) = Oracle::find("what_the_other_encoder_writes_is_read") else {
        return;
    };
    for (name, xml) in messages() {
        let expected = normal(read(DmXml, &xml));
        for version in ["1.0", "1.1", "1.2", "1.3"] {
            for table in [&["-v", version][..], &["-v", version, "-n"]] {
                let Verdict::Accepted(wbxml) = oracle.to_wbxml(&xml, table) else {
                    panic!("{name}: the other codec refuses the message");
                };
                let found = normal(read(DmWbxml, &wbxml));
                assert_same(&found, &expected, &format!("{name} {table:?}"));
                let message = decode(DmXml, &xml, &Limits::default());
                let (Ok(message), false) = (message, name.contains("tree")) else {
                    continue;
                };
                let found = decode(DmWbxml, &wbxml, &Limits::default()).unwrap();
                assert_eq!(as_text(found), message, "{name} {table:?}");
            }
        }
    }
}

#[test]
fn what_we_write_is_read_by_the_other_decoder() {
    let Some(oracle) = Oracle::find("what_we_write_is_read_by_the_other_decoder") else {
        return;
    };
    for (name, xml) in messages() {
        let mut element = read(DmXml, &xml);
        embed_trees(&mut element);
        let mut ours = vec![encode_element(DmWbxml, &element).unwrap()];
        if let (Ok(message), false) = (
            decode(DmXml, &xml, &Limits::default()),
            name.ends_with("tree-inline"),
        ) {
            ours.push(encode(DmWbxml, &message).unwrap());
        }
        for wbxml in ours {
            let Verdict::Accepted(theirs) = oracle.to_xml(&wbxml) else {
                panic!("{name}: the other codec refuses {wbxml:02x?}");
            };
            let found = normal(read(DmXml, &theirs));
            assert_same(&found, &normal(read(DmWbxml, &wbxml)), &name);
        }
    }
}

#[test]
fn our_xml_is_read_by_the_other_encoder() {
    let Some(oracle) = Oracle::find("our_xml_is_read_by_the_other_encoder") else {
        return;
    };
    for (name, xml) in messages() {
        let element = read(DmXml, &xml);
        let ours = encode_element(DmXml, &element).unwrap();
        assert_same(&read(DmXml, &ours), &element, &name);
        let Verdict::Accepted(wbxml) = oracle.to_wbxml(&ours, &[]) else {
            panic!("{name}: the other codec refuses our XML");
        };
        let found = normal(read(DmWbxml, &wbxml));
        assert_same(&found, &normal(element), &name);
    }
}

/// Malformed documents with what we make of them: the reason, or `None` where we are tolerant.
const MALFORMED: &[(MediaType, &[u8], Option<&str>)] = &[
    (DmWbxml, b"", Some("ends in the middle")),
    (DmWbxml, b"\x02", Some("ends in the middle")),
    (DmWbxml, b"\x02\xA4\x01\x6A", Some("ends in the middle")),
    (
        DmWbxml,
        b"\x09\xA4\x01\x6A\x00\x2D",
        Some("version byte 0x09"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x81\x81\x81\x81\x81\x01\x6A\x00\x2D",
        Some("32 bits"),
    ),
    (
        DmWbxml,
        b"\x02\xFF\xFF\xFF\xFF\x7F\x6A\x00\x2D",
        Some("32 bits"),
    ),
    (
        DmWbxml,
        b"\x02\x0B\x6A\x00\x45\x01",
        Some("not a SyncML one"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x7F\x2D",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x8F\xFF\xFF\xFF\x7F\x2D",
        Some("string table is longer"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x87\x68\x00\x2D",
        Some("character set 1000"),
    ),
    (
        DmWbxml,
        b"\x02\x00\x7F\x6A\x00\x2D",
        Some("string table reference 127"),
    ),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00", Some("ends in the middle")),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00\x01", Some("token 0x01")),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00\x03x\0", Some("token 0x03")),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x6C\x01",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x03never ended",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\xC3\x7Fshort",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\xC3\x8F\xFF\xFF\xFF\x7F",
        Some("ends in the middle"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x83\x05\x01",
        Some("string table reference 5"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x44\x09\x01\x01",
        Some("string table reference 9"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x02<\0\x6D\x04\x00\x01",
        Some("is no name"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x02\xFF\xFF\xFF\x7F\x01",
        Some("no character"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x40x\0\x01",
        Some("token 0x40"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\xC0\x01",
        Some("token 0xC0"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x6D\x03\xFF\xFE\0\x01",
        Some("character encoding"),
    ),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\x2D\x2D",
        Some("follows the root"),
    ),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00\x6D\x00\x09\x05\x01", None),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00\x6D\x3F\x01", None),
    (
        DmWbxml,
        b"\x02\xA4\x01\x6A\x00\xED\x04\x00\x03x\0\x01\x01",
        None,
    ),
    (DmWbxml, b"\x02\xA4\x01\x6A\x00\x2D\x00\x00\x00", None),
    (DmXml, b"", Some("ends in the middle")),
    (DmXml, b"   ", Some("ends in the middle")),
    (DmXml, b"text", Some("before the root")),
    (DmXml, b"<SyncML", Some("ends in the middle")),
    (DmXml, b"<SyncML>", Some("ends in the middle")),
    (DmXml, b"<SyncML></SyncHdr>", Some("not well-formed")),
    (DmXml, b"</SyncML>", Some("not well-formed")),
    (DmXml, b"<SyncML/><SyncML/>", Some("follows the root")),
    (DmXml, b"<SyncML/>more", Some("follows the root")),
    (DmXml, b"<SyncML>&undefined;</SyncML>", Some("&undefined;")),
    (DmXml, b"<SyncML>&#0;</SyncML>", Some("not well-formed")),
    (DmXml, b"<SyncML>&#xD800;</SyncML>", Some("not well-formed")),
    (DmXml, b"<SyncML>a & b</SyncML>", Some("not well-formed")),
    (DmXml, b"<SyncML>\x00</SyncML>", Some("U+0000")),
    (
        DmXml,
        b"<SyncML>\xC3\x28</SyncML>",
        Some("character encoding"),
    ),
    (DmXml, b"<SyncML a='1' a='2'/>", Some("occurs twice")),
    (DmXml, b"<SyncML a=1/>", Some("not well-formed")),
    (DmXml, b"<1a/>", Some("is no name")),
    (
        DmXml,
        b"<SyncML><![CDATA[x</SyncML>",
        Some("ends in the middle"),
    ),
    (
        DmXml,
        b"<SyncML><!-- x</SyncML>",
        Some("ends in the middle"),
    ),
    (
        DmXml,
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><SyncML>&b;</SyncML>",
        Some("internal subset"),
    ),
    (
        DmXml,
        b"<!DOCTYPE a [<!ENTITY b SYSTEM '/etc/passwd'>]><SyncML>&b;</SyncML>",
        Some("internal subset"),
    ),
    (
        DmXml,
        b"<SyncML/><?xml version='1.0'?>",
        Some("not at the start"),
    ),
    (
        DmXml,
        b"<?xml version='1.0' encoding='utf-16'?><SyncML/>",
        Some("utf-16"),
    ),
    (DmXml, b"\xFE\xFF\0<\0a\0/\0>", Some("UTF-16")),
    (DmXml, b"<p:SyncML/>", None),
    (DmXml, b"<SyncML/>\0", None),
];

#[test]
fn malformed_documents_are_refused_with_a_reason() {
    let oracle = Oracle::find("malformed_documents_are_refused_with_a_reason");
    for (media_type, document, expected) in MALFORMED {
        let found = decode_element(*media_type, document, &Limits::default());
        let what = String::from_utf8_lossy(document);
        match (&found, expected) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "{what:?}: {text}");
                assert!(error.offset <= document.len(), "{what:?}: {text}");
            }
            _ => panic!("{what:?}: {found:?}"),
        }
        // The other codec may say what it likes, and it does; it only must not be needed.
        if let Some(oracle) = &oracle {
            let verdict = match media_type {
                DmXml => oracle.to_wbxml(document, &[]),
                DmWbxml => oracle.to_xml(document),
            };
            if let (Ok(_), Verdict::Refused(why)) = (&found, verdict) {
                println!("only we accept {what:?}: {why}");
            }
        }
    }
}

/// A fixed sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit
    }

    /// Changes one octet after the header.
    fn mutate(&mut self, document: &mut Vec<u8>) {
        let at = 5 + self.below(document.len() - 5);
        let octet = u8::try_from(self.below(256)).unwrap();
        match self.below(4) {
            0 => document[at] = octet,
            1 => drop(document.remove(at)),
            2 => document.insert(at, octet),
            _ => document[at] ^= 1 << (octet % 8),
        }
    }
}

/// The structure with what both codecs read alike: libwbxml calls every element it does not know
/// `unknown`, and its XML does not tell white space and control characters apart.
fn structure(element: &Element, out: &mut String) {
    let known = !element.name.namespace.as_str().starts_with("wbxml:");
    out.push('<');
    out.push_str(if known {
        &element.name.local
    } else {
        "unknown"
    });
    for child in &element.children {
        match child {
            Node::Element(child) => structure(child, out),
            Node::Text(text) => {
                out.extend(
                    text.chars()
                        .filter(|c| !c.is_whitespace() && !c.is_control()),
                );
            }
            Node::Opaque(octets) => out.extend(octets.iter().map(|octet| format!(" {octet:02x}"))),
        }
    }
    out.push('>');
}

#[test]
fn damaged_documents_are_read_alike() {
    let Some(oracle) = Oracle::find("damaged_documents_are_read_alike") else {
        return;
    };
    let mut numbers = Numbers(0x5EED);
    let (mut alike, mut unreadable, mut only_we, mut only_they, mut neither) = (0, 0, 0, 0, 0);
    for (name, xml) in messages() {
        // libwbxml does not know trees in a message and cannot show octets.
        if name.contains("tree") || name.contains("framework") {
            continue;
        }
        let element = read(DmXml, &xml);
        let intact = encode_element(DmWbxml, &element).unwrap();
        for _ in 0..5 {
            let mut document = intact.clone();
            numbers.mutate(&mut document);
            let ours = decode_element(DmWbxml, &document, &Limits::default());
            match (ours, oracle.to_xml(&document)) {
                (Ok(ours), Verdict::Accepted(theirs)) => {
                    let Ok(theirs) = decode_element(DmXml, &theirs, &Limits::default()) else {
                        unreadable += 1;
                        continue;
                    };
                    let (mut a, mut b) = (String::new(), String::new());
                    structure(&normal(ours), &mut a);
                    structure(&normal(theirs), &mut b);
                    assert_eq!(a, b, "{name}: {document:02x?}");
                    alike += 1;
                }
                (Ok(_), Verdict::Refused(_)) => only_we += 1,
                (Err(error), Verdict::Accepted(_)) => {
                    let strict = matches!(
                        error.reason,
                        Reason::NotText | Reason::TrailingContent | Reason::MisplacedToken(_)
                    );
                    assert!(strict, "{name}: {error}: {document:02x?}");
                    only_they += 1;
                }
                (Err(_), Verdict::Refused(_)) => neither += 1,
            }
        }
    }
    println!(
        "{alike} read alike, {unreadable} not XML, {only_we} only by us, {only_they} only by \
         libwbxml, {neither} by neither"
    );
    assert!(alike > 100, "{alike}");
}
