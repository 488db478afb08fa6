#![expect(clippy::disallowed_methods, reason = "driver: files of members")]

use super::*;

fn parse(words: &[&str]) -> Result<Vec<Operation>, Error> {
    let line = MemberLine::try_parse_from(words).map_err(|e| Error::Usage(e.to_string()))?;
    operations(line.member)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn atomic(text: &str) -> Result<Vec<Operation>, Error> {
    let file = file(text);
    let parsed = parse(&["atomic", file.path().to_str().unwrap()])?;
    match parsed.into_iter().next() {
        Some(Operation::Atomic { members }) => Ok(members),
        other => panic!("an Atomic, not {other:?}"),
    }
}

#[test]
fn words_are_split_as_in_a_shell() {
    for (line, expected) in [
        ("a  b\tc", vec!["a", "b", "c"]),
        ("a 'b c' \"d 'e\"", vec!["a", "b c", "d 'e"]),
        ("a\\ b 'it'\\''s' \"x\\\"y\"", vec!["a b", "it's", "x\"y"]),
        ("a '' # comment", vec!["a", ""]),
        ("a#b", vec!["a#b"]),
        ("  # only a comment", vec![]),
    ] {
        assert_eq!(words(line).unwrap(), expected, "{line}");
    }
    assert!(words("a 'b").is_err());
    assert!(words("a \\").is_err());
}

#[test]
fn lines_and_json_mean_the_same() {
    let lines = "# members\n\
        replace ./A --value 'x y'\n\n\
        add ./B --value 1 --format int --type text/plain\n\
        delete ./C ./D\n\
        copy ./E ./F\n";
    let json = r#"[
        {"verb": "replace", "uri": "./A", "value": "x y"},
        {"verb": "add", "uri": "./B", "value": "1", "format": "int", "type": "text/plain"},
        {"verb": "delete", "uri": "./C"}, {"verb": "delete", "uri": "./D"},
        {"verb": "copy", "source": "./E", "target": "./F"}
    ]"#;
    let members = atomic(lines).unwrap();
    assert_eq!(members.len(), 5);
    assert_eq!(members, atomic(json).unwrap());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let message = |text: &str| atomic(text).unwrap_err().to_string();
    assert!(message("delete ./A\nfrobnicate ./B").contains("line 2: unrecognized subcommand"));
    assert!(message("replace ./A").contains("line 1: give the value"));
    assert!(message("replace ./A --value 'x").contains("line 1: a quotation mark"));
    assert!(message("# nothing").contains("no command"));
    assert!(message(r#"[{"verb": "replace", "url": "./A"}]"#).contains("unknown field"));
    let missing = parse(&["atomic", "/does/not/exist"]).unwrap_err();
    assert_eq!(missing.exit_code(), 66);
    assert!(missing.to_string().contains("/does/not/exist"));
}

#[test]
fn a_file_that_names_itself_comes_to_an_end() {
    let file = file("");
    let name = file.path().to_str().unwrap();
    std::fs::write(file.path(), format!("atomic {name}\n")).unwrap();
    let error = parse(&["atomic", name]).unwrap_err();
    assert!(error.to_string().contains("too deeply"), "{error}");
}

#[test]
fn values_come_from_files() {
    let text = file("text\n");
    let content = |words: &[&str]| match parse(words).unwrap().remove(0) {
        Operation::Add { content, .. } => content,
        other => panic!("an Add, not {other:?}"),
    };
    let of = |file: &tempfile::NamedTempFile, more: &[&str]| {
        let name = file.path().to_str().unwrap();
        content(&[&["add", "./A", "--file", name], more].concat())
    };
    assert_eq!(of(&text, &[]).text.as_deref(), Some("text\n"));
    assert_eq!(
        of(&text, &["--format", "b64"]).text.as_deref(),
        Some("dGV4dAo=")
    );
    let octets = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(octets.path(), [0, 255]).unwrap();
    let binary = of(&octets, &[]);
    assert_eq!(binary.format.as_deref(), Some("bin"));
    assert_eq!(binary.base64.as_deref(), Some("AP8="));
    let node = content(&["add", "./A", "--node", "--type", "urn:x"]);
    assert_eq!(node.format.as_deref(), Some("node"));
    assert_eq!((node.text, node.base64), (None, None));
}

#[test]
fn an_exec_has_a_correlator_of_its_own() {
    let correlator = |words: &[&str]| match parse(words).unwrap().remove(0) {
        Operation::Exec { correlator, .. } => correlator,
        other => panic!("an Exec, not {other:?}"),
    };
    let first = correlator(&["exec", "./X"]).unwrap();
    assert_ne!(first, correlator(&["exec", "./X"]).unwrap());
    let given = correlator(&["exec", "./X", "--correlator", "mine"]);
    assert_eq!(given.as_deref(), Some("mine"));
    assert_eq!(correlator(&["exec", "./X", "--no-correlator"]), None);
}

#[test]
fn raw_commands_are_read_in_each_form() {
    let command = "<Get><CmdID>9</CmdID><Item><Target><LocURI>./A</LocURI></Target></Item></Get>";
    let body = format!("<SyncBody>{command}<Final/></SyncBody>");
    let message = format!(
        "<?xml version=\"1.0\"?><SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr>\
         <VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>\
         <MsgID>1</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>y</LocURI></Source>\
         </SyncHdr>{body}</SyncML>"
    );
    for text in [command.to_owned(), body, message] {
        let file = file(&text);
        let parsed = parse(&["raw", file.path().to_str().unwrap()]).unwrap();
        let commands = job::commands(&parsed, MediaType::DmXml).unwrap();
        assert_eq!(commands.len(), 1, "{text}");
    }
    for (text, why) in [
        ("<Get>", "cannot be read"),
        (
            "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><Cmd>Get</Cmd><Data>200</Data></Status>",
            "not such",
        ),
        ("<Final/>", "no SyncML command"),
    ] {
        let file = file(text);
        let error = parse(&["raw", file.path().to_str().unwrap()]).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(error.exit_code(), 65);
    }
}
