//! Messages that are no larger than the server accepts.

use super::*;

const LIMIT: usize = 1_500;

fn limit(octets: usize) -> String {
    format!("<Meta><MaxMsgSize xmlns='syncml:metinf'>{octets}</MaxMsgSize></Meta>")
}

fn next_message(msg_ref: u32) -> String {
    status(msg_ref, "0", "SyncHdr", 200) + "<Alert><CmdID>n</CmdID><Data>1222</Data></Alert>"
}

/// Asks for the rest until the device says `Final`; all lines that it said.
fn ask_for_the_rest(bench: &mut Bench, limit: usize) -> Vec<String> {
    let mut lines = bench.answers();
    for _ in 0..100 {
        assert!(bench.sent.last().unwrap().body.len() <= limit);
        assert_eq!(&bench.says()[0][..9], "0 SyncHdr");
        if bench.last().is_final {
            return lines;
        }
        let msg_id = u32::try_from(bench.sent.len()).unwrap();
        bench.serve_open(&next_message(msg_id));
        let more = bench.answers();
        lines.extend(more.into_iter().filter(|line| line != "n Alert 200"));
    }
    panic!("the device never says Final");
}

#[test]
fn answers_are_split_over_messages_in_order() {
    for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
        let mut account = proven_account();
        account.media_type = media_type;
        let mut bench = Bench::new(account, TLS);
        let gets: String = (10..50)
            .map(|id| get(&id.to_string(), "./Play/A"))
            .collect();
        bench.serve_with(&limit(LIMIT), &(package_1_accepted(1, 200) + &gets));
        assert!(!bench.last().is_final);
        let lines = ask_for_the_rest(&mut bench, LIMIT);
        assert!(bench.sent.len() > 2);
        let expected: Vec<String> = (10..50)
            .flat_map(|id| {
                [
                    format!("{id} Get 200 ./Play/A"),
                    format!("{id} Results ./Play/A=chr:one"),
                ]
            })
            .collect();
        assert_eq!(lines, expected);
        bench.serve(&status(9, "0", "SyncHdr", 200));
        assert!(bench.outcome().is_success());
    }
}

#[test]
fn a_listing_is_split_over_results() {
    let mut bench = Bench::proven();
    let puts: Vec<NodeWrite> = (0..60)
        .map(|id| NodeWrite::Put {
            uri: uri(&format!("./Play/Sub/Leaf{id:02}")),
            node: Node::leaf(Format::Chr, Value::from(format!("value {id}"))),
        })
        .collect();
    bench.tree.apply(&puts);
    let body = package_1_accepted(1, 200) + &get("1", "./Play/Sub?list=StructData");
    bench.serve_with(&limit(LIMIT), &body);
    let lines = ask_for_the_rest(&mut bench, LIMIT);
    assert_eq!(lines[0], "1 Get 200 ./Play/Sub?list=StructData");
    let all = lines[1..].join(" ");
    for id in 0..60 {
        let leaf = format!("./Play/Sub/Leaf{id:02}=chr:value {id}");
        assert_eq!(all.matches(&leaf).count(), 1, "{leaf}");
    }
}

#[test]
fn a_result_that_fits_in_no_message_is_413() {
    let mut bench = Bench::proven();
    bench.tree.apply(&[NodeWrite::Put {
        uri: uri("./Play/A"),
        node: Node::leaf(Format::Chr, Value::from("x".repeat(LIMIT))),
    }]);
    let body = package_1_accepted(1, 200) + &get("1", "./Play/A") + &get("2", "./Play/B");
    bench.serve_with(&limit(LIMIT), &body);
    assert_eq!(
        ask_for_the_rest(&mut bench, LIMIT),
        [
            "1 Get 413 ./Play/A",
            "2 Get 200 ./Play/B",
            "2 Results ./Play/B=chr:two"
        ]
    );
}

#[test]
fn a_result_larger_than_the_servers_objects_is_413() {
    let mut bench = Bench::proven();
    let meta = "<Meta><MaxObjSize xmlns='syncml:metinf'>5</MaxObjSize></Meta>";
    let body = package_1_accepted(1, 200) + &get("1", "./Play/A") + &get("2", "./Play/Sub/C");
    bench.serve_with(meta, &body);
    let answers = bench.answers();
    assert_eq!(
        answers[1..],
        ["1 Results ./Play/A=chr:one", "2 Get 413 ./Play/Sub/C"]
    );
}

#[test]
fn a_server_that_takes_too_little_is_left() {
    let mut bench = Bench::proven();
    bench.serve_with(
        &limit(100),
        &(package_1_accepted(1, 200) + &get("1", "./Play/A")),
    );
    assert_eq!(bench.sent.len(), 1);
    let words = bench.outcome().to_string();
    assert!(words.contains("MaxMsgSize is 100"), "{words}");
}

#[test]
fn a_limit_of_nothing_is_none() {
    let mut bench = Bench::proven();
    bench.serve_with(
        &limit(0),
        &(package_1_accepted(1, 200) + &get("1", "./Play/A")),
    );
    assert_eq!(bench.answers().len(), 2);
}

#[test]
fn an_open_package_of_the_server_is_asked_for_its_rest() {
    let mut bench = Bench::proven();
    bench.serve_open(&(package_1_accepted(1, 200) + &get("1", "./Play/A")));
    assert_eq!(
        bench.says(),
        [
            "0 SyncHdr 200",
            "1 Get 200 ./Play/A",
            "1 Results ./Play/A=chr:one",
            "Alert 1222"
        ]
    );
    bench.serve(&(status(2, "0", "SyncHdr", 200) + &get("2", "./Play/B")));
    assert_eq!(bench.says().last().unwrap(), "Final");
}

#[test]
fn results_wait_only_up_to_a_bound() {
    let mut start = start(proven_account(), TLS);
    start.parameters.queue_bytes = 2_000;
    let mut bench = Bench::with(start);
    bench.tree.apply(&[NodeWrite::Put {
        uri: uri("./Play/A"),
        node: Node::leaf(Format::Chr, Value::from("x".repeat(900))),
    }]);
    let gets: String = (1..=3).map(|id| get(&id.to_string(), "./Play/A")).collect();
    bench.serve(&(package_1_accepted(1, 200) + &gets));
    assert_eq!(bench.answers().last().unwrap(), "3 Get 413 ./Play/A");

    // A server that only ever asks and never takes is left.
    let mut bench = Bench::with({
        let mut start = super::start(proven_account(), TLS);
        start.parameters.queue_bytes = 3_000;
        start
    });
    let gets: String = (1..=60)
        .map(|id| get(&id.to_string(), "./Nowhere"))
        .collect();
    bench.serve_with(&limit(700), &(package_1_accepted(1, 200) + &gets));
    assert!(matches!(bench.outcome().end, SessionEnd::Violation(_)));
}

#[test]
fn an_address_longer_than_any_status_is_answered_without_it() {
    let mut bench = Bench::proven();
    let long = "x".repeat(2 * LIMIT);
    let body = write("Replace", "1", "./Play/A", "kept")
        + &get("2", &format!("./Play/{long}"))
        + &get("3", "./Play/A");
    bench.serve_with(&limit(LIMIT), &(package_1_accepted(1, 200) + &body));
    assert_eq!(
        ask_for_the_rest(&mut bench, LIMIT),
        [
            "1 Replace 200 ./Play/A",
            "2 Get 414",
            "3 Get 200 ./Play/A",
            "3 Results ./Play/A=chr:kept"
        ]
    );
}
