//! The packages of a whole session.

use super::*;

#[test]
fn package_1_has_the_alert_and_every_devinfo_leaf() {
    let bench = Bench::proven();
    assert_eq!(bench.collected, [vec![uri("./DevInfo")]]);
    assert_eq!(bench.says(), ["Alert 1201", "Replace 5", "Final"]);
    let message = bench.last();
    let header = &message.header;
    assert_eq!((&*header.ver_dtd, &*header.ver_proto), ("1.2", "DM/1.2"));
    assert_eq!((&*header.msg_id, &*header.target.uri), ("1", URL));
    assert_eq!((&*header.source.uri, &header.cred), (DEVICE, &None));
    assert_eq!(header.meta.max_msg_size, Some(65_536));
    assert_eq!(header.meta.max_obj_size, Some(65_536));
    assert_eq!(bench.sent[0].to, None);
    let Command::Replace(request) = &message.commands[1] else {
        panic!("DevInfo is replaced");
    };
    let first = &request.items[0];
    assert_eq!(first.source.as_ref().unwrap().uri, "./DevInfo/DevId");
    assert_eq!(text(first.data.as_ref()), DEVICE);
    assert_eq!((&first.target, &first.meta), (&None, &Meta::default()));
}

#[test]
fn a_whole_session_reads_writes_and_ends() {
    let mut bench = Bench::proven();
    let body = package_1_accepted(1, 200)
        + &get("10", "./Play/A")
        + &write("Replace", "11", "./Play/A", "uno")
        + &get("12", "./Play")
        + &get("13", "./DevInfo/Man");
    bench.serve(&body);
    assert_eq!(
        bench.says(),
        [
            "0 SyncHdr 200",
            "10 Get 200 ./Play/A",
            "10 Results ./Play/A=chr:one",
            "11 Replace 200 ./Play/A",
            "12 Get 200 ./Play",
            "12 Results ./Play=node:A/B/Sub",
            "13 Get 200 ./DevInfo/Man",
            "13 Results ./DevInfo/Man=chr:Example",
            "Final",
        ]
    );
    assert_eq!(bench.last().header.msg_id, "2");
    assert_eq!(bench.last().header.meta, Meta::default());
    assert_eq!(bench.value("./Play/A").as_deref(), Some("uno"));
    bench.serve(&status(2, "0", "SyncHdr", 200));
    assert_eq!(bench.sent.len(), 2, "nothing is left to say");
    let outcome = bench.outcome();
    assert!(outcome.is_success());
    assert_eq!(outcome.counts.commands, 4);
    assert_eq!(
        (
            outcome.counts.messages_sent,
            outcome.counts.messages_received
        ),
        (2, 2)
    );
}
