#![expect(clippy::disallowed_methods, reason = "test: writes configurations")]

use std::fs;
use std::path::Path;

use super::*;

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The findings of one configuration file, as they are shown, without the directory.
fn errors(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "agent.toml", text);
    let prefix = format!("{}/", directory.path().display());
    load(Some(&directory.path().join("agent.toml")))
        .expect_err("the configuration is wrong")
        .iter()
        .map(|finding| finding.to_string().replace(&prefix, ""))
        .collect()
}

#[test]
fn the_shipped_file_equals_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "agent.toml", DEFAULT_TEXT);
    let loaded = load(Some(&directory.path().join("agent.toml"))).unwrap();
    assert_eq!(loaded, Config::default());
}

#[test]
fn the_shipped_file_has_every_key() {
    // With the optional keys set, so that they are written out too.
    let text: String = DEFAULT_TEXT
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.contains(" = ") && !rest.starts_with(' ') => rest,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let full: Config = toml::from_str(&text).unwrap();
    let shown: toml::Table = text.parse().unwrap();
    assert_eq!(full.device.imei.as_deref(), Some("490154203237518"));
    let optional = [
        &full.device.imei,
        &full.device.manufacturer,
        &full.device.model,
        &full.device.language,
        &full.device.oem,
        &full.device.device_type,
        &full.device.firmware_version,
        &full.device.software_version,
        &full.device.hardware_version,
    ];
    assert!(optional.iter().all(|value| value.is_some()));
    let ours = toml::Table::try_from(&full).unwrap();
    let keys = |table: &toml::Table| -> Vec<String> {
        let mut keys = Vec::new();
        for (section, value) in table {
            match value {
                toml::Value::Table(inner) => {
                    keys.extend(inner.keys().map(|key| format!("{section}.{key}")));
                }
                _ => keys.push(section.clone()),
            }
        }
        keys.sort();
        keys
    };
    assert_eq!(keys(&shown), keys(&ours));
}

#[test]
fn nothing_but_a_named_file_must_exist() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none.toml");
    let findings = load(Some(&missing)).unwrap_err();
    assert!(
        findings[0]
            .to_string()
            .ends_with("none.toml: there is no such file")
    );
}

#[test]
fn drop_ins_are_laid_over_in_sorted_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(
        path,
        "agent.toml",
        "[control]\nsocket = \"/a\"\ngroup = \"a\"\n",
    );
    write(path, "agent.toml.d/20-b.toml", "[control]\ngroup = \"c\"\n");
    write(
        path,
        "agent.toml.d/10-a.toml",
        "[control]\ngroup = \"b\"\n[ddf]\ndirectories = []\n",
    );
    write(path, "agent.toml.d/30-not-this.conf", "nonsense");
    let config = load(Some(&path.join("agent.toml"))).unwrap();
    assert_eq!(config.control.group, "c");
    assert_eq!(config.control.socket, Path::new("/a"));
    assert!(config.ddf.directories.is_empty());
}

#[test]
fn an_unknown_key_is_refused_with_its_place() {
    let found = errors("log-level = \"warn\"\n\n[control]\n  sockets = \"/x\"\n");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("agent.toml:4:3: unknown key `sockets`"),
        "{}",
        found[0]
    );
    let found = errors("[contorl]\nsocket = \"/x\"\n");
    assert!(
        found[0].starts_with("agent.toml:1:2: unknown key `contorl`"),
        "{}",
        found[0]
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    for (text, expected) in [
        ("[session]\nmax-message-size = true\n", "agent.toml:2:20: "),
        (
            "[schedule]\ninterval = \"daily\"\n",
            "agent.toml:2:12: \"daily\" is no duration",
        ),
        ("log-level = \"loud\"\n", "agent.toml:1:13: "),
        ("[session\n", "agent.toml:1:"),
        (
            "[session]\nmax-message-size = 100\n",
            "agent.toml:2:1: max-message-size: below 2048",
        ),
        (
            "[device]\nid-kind = \"imei\"\n",
            "agent.toml:2:1: id-kind: \"imei\" needs device.imei",
        ),
        (
            "[device]\nimei = \"12\"\n",
            "agent.toml:2:1: imei: an IMEI has",
        ),
        (
            "[device]\nimei = \"490154203237519\"\n",
            "agent.toml:2:1: imei: an IMEI has",
        ),
        (
            "[control]\nsocket = \"/var/lib/omadm/socket\"\n",
            "agent.toml:2:1: socket: lies in state-dir",
        ),
        ("[retry]\nmax = \"1s\"\n", "initial: is longer"),
        (
            "[retry]\ninitial = \"0s\"\n",
            "agent.toml:2:1: initial: without a wait",
        ),
        (
            "[schedule]\ninterval = \"0s\"\n",
            "agent.toml:2:1: interval: must be",
        ),
        (
            "[session]\nresponse-timeout = \"0s\"\n",
            "agent.toml:2:1: response-timeout: ",
        ),
    ] {
        let found = errors(text);
        assert!(found[0].contains(expected), "{text:?}: {}", found[0]);
    }
}

#[test]
fn a_schedule_that_cannot_be_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "[schedule]\ncalendar = [\n  \"30 3 * *\",\n]\n",
            "agent.toml:2:12: \"30 3 * *\" is no crontab expression",
        ),
        (
            "[schedule]\ncalendar = [\"0 0 30 2 *\"]\n",
            "names a time that never comes",
        ),
        (
            "[schedule]\ntimezone = \"Mars\"\n",
            "agent.toml:2:12: \"Mars\" is no time zone",
        ),
        (
            "[account.lab.schedule]\ninterval = \"0s\"\n",
            "agent.toml:2:1: interval: must be",
        ),
        (
            "[account.lab.schedule]\nintervall = \"1h\"\n",
            "agent.toml:2:1: unknown key `intervall`",
        ),
    ] {
        let found = errors(text);
        assert!(found[0].contains(expected), "{text:?}: {}", found[0]);
    }
}

#[test]
fn a_line_that_cannot_be_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "[obex]\nlisten = [\n  \"pigeon://roof\",\n]\n",
            "agent.toml:2:10: \"pigeon://roof\": unknown scheme \"pigeon\"",
        ),
        (
            "[obex]\nlisten = [\"usb+obex:\"]\n",
            "agent.toml:2:10: \"usb+obex:\": an attached device is dialled",
        ),
        (
            "[obex]\nlisten = [\"BT+OBEX://00:AA:01:00:00:00\"]\n",
            "an address with a peer is dialled; a device waits at bt+obex:",
        ),
        (
            "[obex]\nlisten = [\"https://dm.example/\"]\n",
            "no line to wait on: use tty+obex",
        ),
        (
            "[obex]\nlisten = [\"unix+obex:///a\", \"unix+obex:///b\", \"unix+obex:///a\"]\n",
            "agent.toml:2:1: listen: unix+obex:///a stands there twice",
        ),
        (
            "[obex]\nlisten = [\"tty+obex:///dev/a\", \"tty+obex:///dev/a?baud=9600\"]\n",
            "agent.toml:2:1: listen: tty+obex:///dev/a?baud=9600 stands there twice",
        ),
        (
            "[obex]\nidle-timeout = \"9s\"\n",
            "agent.toml:2:1: idle-timeout: must be at least \"10s\"",
        ),
        (
            "[obex]\nkeep-alive = \"10s\"\n",
            "agent.toml:2:1: keep-alive: must lie between",
        ),
        (
            "[obex]\npoll = \"\"\n",
            "agent.toml:2:1: poll: name an account",
        ),
        ("[obex]\nlisten = \"unix+obex:///a\"\n", "agent.toml:2:10: "),
    ] {
        let found = errors(text);
        assert!(found[0].contains(expected), "{text:?}: {}", found[0]);
    }
}

#[test]
fn lines_are_kept_as_they_are_written() {
    let text = "[obex]\nlisten = [\"unix+obex:///a\"]\nauthenticate = true\n";
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!(config.obex.listen[0].to_string(), "unix+obex:///a");
    let written = toml::to_string(&config.obex).unwrap();
    assert_eq!(toml::from_str::<Obex>(&written).unwrap(), config.obex);
}

#[test]
fn the_mistakes_of_every_file_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, "agent.toml", "x = 1\n");
    write(path, "agent.toml.d/a.toml", "\ny = 1\n");
    let findings = load(Some(&path.join("agent.toml"))).unwrap_err();
    let places: Vec<_> = findings
        .iter()
        .map(|finding| finding.place.position)
        .collect();
    assert_eq!(places, [Some((1, 1)), Some((2, 1))]);
}

#[test]
fn check_reads_the_descriptions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let text = format!(
        "state-dir = \"/\"\n[control]\ngroup = \"\"\n[ddf]\ndirectories = [\"{}/ddf\"]\n",
        path.display()
    );
    write(path, "agent.toml", &text);
    write(
        path,
        "ddf/b.xml",
        "<MgmtTree><VerDTD>1.2</VerDTD>\n<Node/></MgmtTree>",
    );
    write(path, "ddf/a.xml", "not XML");
    write(path, "ddf/readme.txt", "not XML either");
    let findings = check(Some(&path.join("agent.toml")));
    let places: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(places.len(), 2, "{places:?}");
    assert!(places[0].contains("ddf/a.xml:1:1: "), "{places:?}");
    assert!(places[1].contains("ddf/b.xml:2:1: "), "{places:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Error)
    );
}

#[test]
fn check_warns_of_what_does_not_work() {
    let directory = tempfile::tempdir().unwrap();
    let text = "state-dir = \"/nonexistent/omadm\"\n[control]\ngroup = \"no-such-group\"\n";
    write(directory.path(), "agent.toml", text);
    let findings = check(Some(&directory.path().join("agent.toml")));
    assert_eq!(findings.len(), 2);
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity == Severity::Warning)
    );
    assert!(
        findings[1]
            .message
            .contains("groupadd --system no-such-group")
    );
}

#[test]
fn check_tells_what_omadmd_would_stumble_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    let text = format!("state-dir = {path:?}\n[control]\nsocket = \"here\"\ngroup = \"\"\n");
    write(directory.path(), "agent.toml", &text);
    let findings = check(Some(&path));
    let found: Vec<_> = findings
        .iter()
        .map(|finding| (finding.severity, finding.message.as_str()))
        .collect();
    assert_eq!(found[0].0, Severity::Error);
    assert!(found[0].1.contains("is no directory"), "{found:?}");
    assert_eq!(found[1].0, Severity::Warning);
    assert!(found[1].1.starts_with("control.socket here"), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
}
