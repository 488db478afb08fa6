//! What one message of a server may cost the device, however much it asks for.

use super::*;

/// `count` leaves below `./Play/Sub`.
fn fill(bench: &mut Bench, count: usize) {
    let puts: Vec<NodeWrite> = (0..count)
        .map(|id| NodeWrite::Put {
            uri: uri(&format!("./Play/Sub/Leaf{id}")),
            node: Node::leaf(Format::Chr, Value::from("x")),
        })
        .collect();
    bench.tree.apply(&puts);
}

fn item(target: &str) -> String {
    format!("<Item><Target><LocURI>{target}</LocURI></Target></Item>")
}

/// Asks for the rest of the device's package; all lines that it said.
fn all_answers(bench: &mut Bench) -> Vec<String> {
    let mut lines = bench.answers();
    while bench.outcome.is_none() && !bench.last().is_final {
        let msg_id = u32::try_from(bench.sent.len()).unwrap();
        let more = "<Alert><CmdID>n</CmdID><Data>1222</Data></Alert>";
        bench.serve_open(&(status(msg_id, "0", "SyncHdr", 200) + more));
        lines.extend(bench.answers());
    }
    lines
}

fn count(lines: &[String], part: &str) -> usize {
    lines.iter().map(|line| line.matches(part).count()).sum()
}

#[test]
fn listings_without_data_count_as_well() {
    for list in ["Struct", "StructData"] {
        let mut bench = Bench::proven();
        fill(&mut bench, 2_000);
        let items = item(&format!("./Play?list={list}")).repeat(200);
        let body = format!("<Get><CmdID>1</CmdID>{items}</Get>");
        bench.serve(&(package_1_accepted(1, 200) + &body + &delete("2", "./Play/A")));
        assert_eq!(
            bench.outcome, None,
            "the answer is bounded, not the session"
        );
        let lines = all_answers(&mut bench);
        let refused = count(&lines, "1 Get 413");
        assert!((100..200).contains(&refused), "{refused}");
        let found = count(&lines, "./Play/Sub/Leaf7=");
        assert_eq!(found + refused, 200, "an answer is whole or refused");
        assert_eq!(count(&lines, "2 Delete 200"), 1);
    }
}

#[test]
fn what_listings_look_at_is_bounded_although_they_find_nothing() {
    let mut start = start(proven_account(), TLS);
    start.parameters.listed_nodes = 1_000;
    let mut bench = Bench::with(start);
    fill(&mut bench, 300);
    let mut sub = Node::interior();
    sub.acl = crate::Acl::parse("Get=other").unwrap();
    bench.tree.apply(&[NodeWrite::Put {
        uri: uri("./Play/Sub"),
        node: sub,
    }]);
    let lists = get("1", "./Play?list=Struct").repeat(10);
    let small = get("2", "./DevInfo?list=Struct") + &get("3", "./Play/A");
    bench.serve(&(package_1_accepted(1, 200) + &lists + &small));
    let lines = all_answers(&mut bench);
    assert_eq!(count(&lines, "1 Get 200"), 3);
    assert_eq!(count(&lines, "1 Get 413"), 7);
    assert_eq!(
        count(&lines, "2 Get 413"),
        1,
        "the message has had its share"
    );
    assert_eq!(count(&lines, "3 Get 200"), 1);
    bench.serve(&get("4", "./Play?list=Struct"));
    assert!(
        bench.answers()[0].starts_with("4 Get 200"),
        "another message"
    );
}

#[test]
fn what_a_message_changes_is_bounded_although_it_is_undone() {
    let mut bench = Bench::proven();
    fill(&mut bench, 1_000);
    // Each takes a subtree away and gives it back.
    let atomic = format!(
        "<Atomic><CmdID>1</CmdID>{}{}</Atomic>",
        delete("2", "./Play/Sub"),
        delete("3", "./Play/Nowhere")
    );
    bench.serve(&(package_1_accepted(1, 200) + &atomic.repeat(150)));
    let lines = all_answers(&mut bench);
    assert_eq!(count(&lines, "1 Atomic 507"), 150);
    assert_eq!(count(&lines, "2 Delete 216"), 100);
    assert_eq!(count(&lines, "2 Delete 420"), 50);
    bench.serve(&delete("4", "./Play/Sub"));
    assert_eq!(bench.answers(), ["4 Delete 200 ./Play/Sub"]);
}

#[test]
fn long_identifiers_are_not_repeated_in_every_answer() {
    let long = "1".repeat(30_000);
    let items = item("./Play/A") + &item("./Play/Nowhere");
    let get = format!("<Get><CmdID>{long}</CmdID>{}</Get>", items.repeat(200));
    let mut bench = Bench::proven();
    bench.serve(&(package_1_accepted(1, 200) + &get + &delete("2", "./Play/A")));
    assert_eq!(bench.answers(), [" Get 400", "2 Delete 200 ./Play/A"]);

    let commands = delete("1", "./Play/B").repeat(300);
    for proof in [TLS, PeerProof::None] {
        let mut account = account();
        account.accepts = vec![AcceptedProof::Tls];
        let mut bench = Bench::new(account, proof);
        let id = bench.session.session_id().to_owned();
        let text =
            message(&id, 1, "", &commands, true).replace("<MsgID>1<", &format!("<MsgID>{long}<"));
        bench.receive(text.as_bytes());
        let SessionEnd::Violation(words) = &bench.outcome().end else {
            panic!("{}", bench.outcome());
        };
        assert!(words.contains("MsgID") && words.len() < 500, "{words}");
        assert!(bench.value("./Play/B").is_some());
        let sent: usize = bench.sent.iter().map(|envelope| envelope.body.len()).sum();
        assert!(sent < 100_000, "{sent}");
    }
}

#[test]
fn a_correlator_has_a_longest_length() {
    let exec = |cmd_id: &str, length: usize| {
        let correlator = "c".repeat(length);
        let item = item("./Ops/Start");
        format!("<Exec><CmdID>{cmd_id}</CmdID><Correlator>{correlator}</Correlator>{item}</Exec>")
    };
    let mut bench = Bench::proven();
    bench.serve(&(package_1_accepted(1, 200) + &exec("1", 255) + &exec("2", 256)));
    assert_eq!(bench.answers(), ["1 Exec 202 ./Ops/Start", "2 Exec 413"]);
    assert_eq!(bench.commits[0].execs.len(), 1);
}
