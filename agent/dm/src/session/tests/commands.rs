//! What is answered to each command.

use super::*;

/// The answers to commands of a server that TLS has authenticated.
fn ask(body: &str) -> (Bench, Vec<String>) {
    let mut bench = Bench::proven();
    bench.serve(&(package_1_accepted(1, 200) + body));
    let answers = bench.answers();
    (bench, answers)
}

fn answers(body: &str) -> Vec<String> {
    ask(body).1
}

#[test]
fn nodes_are_added_replaced_copied_and_deleted() {
    let body = write("Add", "1", "./Play/Sub/New", "fresh")
        + &write("Add", "2", "./Play/Sub/New", "again")
        + &write("Replace", "3", "./Play/Sub/New", "newer")
        + &write("Replace", "4", "./Play/Sub/None", "x")
        + "<Copy><CmdID>5</CmdID><Item><Target><LocURI>./Play/B</LocURI></Target><Source>\
           <LocURI>./Play/Sub/New</LocURI></Source></Item></Copy>"
        + &delete("6", "./Play/A")
        + &delete("7", "./Play/A");
    let (bench, answers) = ask(&body);
    assert_eq!(
        answers,
        [
            "1 Add 200 ./Play/Sub/New",
            "2 Add 418 ./Play/Sub/New",
            "3 Replace 200 ./Play/Sub/New",
            "4 Replace 404 ./Play/Sub/None",
            "5 Copy 200 ./Play/B",
            "6 Delete 200 ./Play/A",
            "7 Delete 404 ./Play/A",
        ]
    );
    assert_eq!(bench.value("./Play/B").as_deref(), Some("newer"));
    assert_eq!(bench.value("./Play/A"), None);
    assert_eq!(bench.commits.len(), 1, "one transaction a message");
}

#[test]
fn one_status_when_all_items_fare_alike_and_one_each_when_not() {
    let item = |uri: &str| format!("<Item><Target><LocURI>{uri}</LocURI></Target></Item>");
    let body = format!(
        "<Get><CmdID>1</CmdID>{}{}</Get><Delete><CmdID>2</CmdID>{}{}</Delete>",
        item("./Play/A"),
        item("./Play/B"),
        item("./Play/A"),
        item("./Play/Nowhere")
    );
    assert_eq!(
        answers(&body),
        [
            "1 Get 200",
            "1 Results ./Play/A=chr:one",
            "1 Results ./Play/B=chr:two",
            "2 Delete 200 ./Play/A",
            "2 Delete 404 ./Play/Nowhere",
        ]
    );
}

#[test]
fn addresses_come_back_as_they_were_sent() {
    let body = get("1", "Play/Sub/%43") + &get("2", "./Play/A?prop=Format") + &get("3", "");
    assert_eq!(
        answers(&body),
        [
            "1 Get 200 Play/Sub/%43",
            "1 Results Play/Sub/%43=chr:three & <four>",
            "2 Get 200 ./Play/A?prop=Format",
            "2 Results ./Play/A?prop=Format=chr:chr",
            "3 Get 404 ",
        ]
    );
}

#[test]
fn a_listing_names_every_node() {
    assert_eq!(
        answers(&get("1", "./Play?list=StructData")),
        [
            "1 Get 200 ./Play?list=StructData",
            "1 Results ./Play=node:- ./Play/A=chr:one ./Play/B=chr:two ./Play/Sub=node:- \
             ./Play/Sub/C=chr:three & <four>",
        ]
    );
}

#[test]
fn what_is_missing_is_named_by_its_status() {
    let no_item = "<Get><CmdID>1</CmdID></Get>";
    let no_target = "<Get><CmdID>2</CmdID><Item/></Get>";
    let no_data = "<Replace><CmdID>3</CmdID><Item><Target><LocURI>./Play/A</LocURI></Target></Item>\
                   </Replace>";
    let no_source = "<Copy><CmdID>4</CmdID><Item><Target><LocURI>./Play/A</LocURI></Target></Item>\
                     </Copy>";
    let no_code = "<Alert><CmdID>5</CmdID></Alert>";
    let empty = "<Atomic><CmdID>6</CmdID></Atomic>";
    let body = [no_item, no_target, no_data, no_source, no_code, empty].concat();
    assert_eq!(
        answers(&body),
        [
            "1 Get 412",
            "2 Get 412",
            "3 Replace 412 ./Play/A",
            "4 Copy 412 ./Play/A",
            "5 Alert 412",
            "6 Atomic 412",
        ]
    );
}

#[test]
fn a_command_without_cmd_id_gets_400_with_an_empty_reference() {
    let body = get("", "./Play/A").replace("<CmdID></CmdID>", "") + &delete("0", "./Play/A");
    let (bench, answers) = ask(&body);
    assert_eq!(answers, [" Get 400", "0 Delete 400"]);
    assert!(bench.value("./Play/A").is_some());
}

#[test]
fn members_of_a_container_without_cmd_id_are_answered_as_well() {
    let body = format!("<Atomic>{}</Atomic>", delete("2", "./Play/A"))
        + &format!("<Sequence>{}</Sequence>", delete("3", "./Play/A"));
    let (bench, answers) = ask(&body);
    assert_eq!(
        answers,
        [
            " Atomic 400",
            "2 Delete 215",
            " Sequence 400",
            "3 Delete 215"
        ]
    );
    assert!(bench.value("./Play/A").is_some());
}

#[test]
fn repeated_cmd_ids_are_answered_one_by_one() {
    let body = get("1", "./Play/A") + &get("1", "./Play/B");
    assert_eq!(answers(&body).len(), 4);
}

#[test]
fn commands_that_dm_does_not_have_are_501() {
    let body = "<Put><CmdID>1</CmdID><Item><Data>x</Data></Item></Put>\
                <Search><CmdID>2</CmdID></Search><Frobnicate><CmdID>3</CmdID></Frobnicate>";
    let (mut bench, answers) = ask(body);
    assert_eq!(answers, ["1 Put 501", "2 Search 501", "3 Frobnicate 501"]);
    bench.serve("<Results><CmdID>1</CmdID><CmdRef>1</CmdRef><Item/></Results>");
    assert_eq!(bench.answers(), ["1 Results 406"]);
}

#[test]
fn alerts_are_406_without_somebody_to_ask() {
    let alert = |id: u32, code: &str| {
        format!("<Alert><CmdID>{id}</CmdID><Data>{code}</Data><Item><Data>Hi</Data></Item></Alert>")
    };
    let body: String = [
        "1100", "1101", "1102", "1103", "1104", "1201", "1999", "1222", "x",
    ]
    .into_iter()
    .zip(1..)
    .map(|(code, id)| alert(id, code))
    .collect();
    let codes: Vec<String> = answers(&body)
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        codes,
        [
            "406", "406", "406", "406", "406", "406", "406", "200", "400"
        ]
    );
}

#[test]
fn no_resp_keeps_the_status_back_but_not_the_results() {
    let silent = |text: String| text.replace("</CmdID>", "</CmdID><NoResp/>");
    let body = silent(write("Replace", "1", "./Play/A", "x")) + &silent(get("2", "./Play/A"));
    assert_eq!(answers(&body), ["2 Results ./Play/A=chr:x"]);
    let mut bench = Bench::proven();
    let body = package_1_accepted(1, 200) + &write("Replace", "1", "./Play/A", "x");
    bench.serve_with("<NoResp/>", &body);
    assert!(bench.outcome().is_success(), "nothing to say");
    assert_eq!(bench.value("./Play/A").as_deref(), Some("x"));
}

#[test]
fn meta_is_inherited_element_by_element() {
    let meta = |inner: &str| format!("<Meta>{inner}</Meta>");
    let format = |name: &str| format!("<Format xmlns='syncml:metinf'>{name}</Format>");
    let type_ = "<Type xmlns='syncml:metinf'>text/plain</Type>";
    let body = format!(
        "<Atomic><CmdID>1</CmdID>{}<Add><CmdID>2</CmdID>{}<Item><Target><LocURI>./Play/Int\
         </LocURI></Target><Data>7</Data></Item><Item><Target><LocURI>./Play/Sub/X</LocURI>\
         </Target>{}<Data>text</Data></Item></Add></Atomic>",
        meta(&format("int")),
        meta(type_),
        meta(&format("chr")),
    );
    let (bench, answers) = ask(&body);
    assert_eq!(answers, ["1 Atomic 200", "2 Add 200"]);
    assert_eq!(bench.value("./Play/Int").as_deref(), Some("7"));
    assert_eq!(bench.value("./Play/Sub/X").as_deref(), Some("text"));
}

#[test]
fn octets_travel_as_base64_in_xml_and_opaque_in_wbxml() {
    let add = write("Add", "1", "./Play/Bin", "AP8=").replace(
        "<Data>",
        "<Meta><Format xmlns='syncml:metinf'>b64</Format></Meta><Data>",
    );
    let body = add + &get("2", "./Play/Bin");
    let (bench, lines) = ask(&body);
    assert_eq!(lines[2], "2 Results ./Play/Bin=b64:AP8=");
    let node = bench.tree.view(Snapshot::empty()).node(&uri("./Play/Bin"));
    assert_eq!(node.unwrap().value().unwrap(), Value::from(vec![0, 0xff]));

    let bin = body.replace(">b64<", ">bin<");
    assert_eq!(answers(&bin)[0], "1 Add 200 ./Play/Bin");
    let wrong = body.replace("AP8=", "!!!");
    assert_eq!(answers(&wrong)[0], "1 Add 415 ./Play/Bin");

    let mut account = proven_account();
    account.media_type = MediaType::DmWbxml;
    let mut bench = Bench::new(account, TLS);
    bench.serve(&(package_1_accepted(1, 200) + &body));
    assert_eq!(bench.sent[1].media_type, MediaType::DmWbxml);
    let expected = format!(
        "2 Results ./Play/Bin=bin:{:?}",
        Data::Opaque(vec![0, 0xff].into())
    );
    assert_eq!(bench.answers()[2], expected);
}

#[test]
fn markup_arrives_escaped_or_not() {
    let meta = "<Meta><Format xmlns='syncml:metinf'>xml</Format></Meta><Data>";
    let body = write(
        "Add",
        "1",
        "./Play/Xml",
        "<a xmlns='u:x'>1</a><b xmlns='u:x'/>",
    )
    .replace("<Data>", meta)
        + &get("2", "./Play/Xml")
        + &write("Replace", "3", "./Play/A", "&lt;x&gt; &amp; &#233;")
        + &get("4", "./Play/A");
    let answers = answers(&body);
    assert!(
        answers[2].starts_with("2 Results ./Play/Xml=xml:<a xmlns="),
        "{answers:?}"
    );
    assert!(!answers[2].contains("<?xml"), "{answers:?}");
    assert_eq!(answers[5], "4 Results ./Play/A=chr:<x> & é");
}

#[test]
fn a_failed_atomic_leaves_the_tree_as_it_was() {
    let before = answers(&get("1", "./Play?list=StructData"));
    let body = "<Atomic><CmdID>1</CmdID>".to_owned()
        + &write("Replace", "2", "./Play/A", "x")
        + &delete("3", "./Play/Sub")
        + &write("Add", "4", "./Play/Int", "not a number")
        + &delete("5", "./Play/B")
        + "</Atomic>";
    let (mut bench, answers) = ask(&body);
    assert_eq!(
        answers,
        [
            "1 Atomic 507",
            "2 Replace 216 ./Play/A",
            "3 Delete 216 ./Play/Sub",
            "4 Add 415 ./Play/Int",
            "5 Delete 215",
        ]
    );
    assert!(bench.commits.is_empty(), "nothing to store");
    bench.serve(&get("1", "./Play?list=StructData"));
    assert_eq!(bench.answers(), before);
}

#[test]
fn wherever_an_atomic_fails_nothing_has_changed() {
    let good = [
        write("Replace", "g0", "./Play/A", "x"),
        write("Replace", "g5", "./Play/Sub/C?prop=Name", "D"),
        delete("g1", "./Play/Sub"),
        write("Add", "g2", "./Play/Int", "7"),
        write("Replace", "g3", "./Play/B?prop=Title", "t"),
        write("Replace", "g4", "./Play/B?prop=ACL", "Get=*"),
        delete("g6", "./Play/Int"),
    ];
    let all = |bench: &Bench| {
        let view = bench.tree.view(Snapshot::empty());
        let nodes = view.subtree(&Uri::root());
        let show = |node: &crate::NodeRef<'_>| {
            let properties: Vec<_> = omadm_syncml::Property::ALL
                .iter()
                .map(|property| node.property(*property))
                .collect();
            format!("{:?} {:?} {properties:?}", node.uri(), node.value())
        };
        nodes.iter().map(show).collect::<Vec<_>>()
    };
    let before = all(&Bench::proven());
    for position in 0..=good.len() {
        let (head, tail) = good.split_at(position);
        let body = format!(
            "<Atomic><CmdID>a</CmdID>{}{}{}</Atomic>",
            head.concat(),
            delete("bad", "./Play/Nowhere"),
            tail.concat()
        );
        let (bench, answers) = ask(&body);
        assert_eq!(answers[0], "a Atomic 507");
        let with = |code: &str| answers.iter().filter(|line| line.contains(code)).count();
        assert_eq!(
            (with(" 216"), with(" 404"), with(" 215")),
            (head.len(), 1, tail.len())
        );
        assert_eq!(all(&bench), before, "position {position}");
    }
    let body = format!("<Atomic><CmdID>a</CmdID>{}</Atomic>", good.concat());
    let (bench, answers) = ask(&body);
    assert_eq!(answers[0], "a Atomic 200", "{answers:?}");
    assert_ne!(all(&bench), before);
}

#[test]
fn an_atomic_that_works_is_one_change() {
    let body = "<Atomic><CmdID>1</CmdID>".to_owned()
        + &delete("2", "./Play/A")
        + &write("Add", "3", "./Play/A", "back")
        + "</Atomic>";
    let (bench, answers) = ask(&body);
    assert_eq!(
        answers,
        [
            "1 Atomic 200",
            "2 Delete 200 ./Play/A",
            "3 Add 200 ./Play/A"
        ]
    );
    assert_eq!(bench.value("./Play/A").as_deref(), Some("back"));
}

#[test]
fn an_atomic_takes_neither_get_exec_nor_containers() {
    let in_atomic = |inner: &str| {
        let body = format!(
            "<Atomic><CmdID>1</CmdID>{}{inner}</Atomic>",
            delete("2", "./Play/A")
        );
        let (bench, answers) = ask(&body);
        assert!(bench.value("./Play/A").is_some());
        answers
    };
    let exec =
        "<Exec><CmdID>3</CmdID><Item><Target><LocURI>./Ops/Start</LocURI></Target></Item></Exec>";
    let inner_atomic = format!(
        "<Atomic><CmdID>3</CmdID>{}</Atomic>",
        delete("4", "./Play/B")
    );
    let rolled_back = ["1 Atomic 507", "2 Delete 216 ./Play/A"];
    assert_eq!(in_atomic(&get("3", "./Play/A"))[2..], ["3 Get 500"]);
    assert_eq!(in_atomic(exec)[2..], ["3 Exec 500"]);
    let nested = in_atomic(&inner_atomic);
    assert_eq!(nested[..2], rolled_back);
    assert_eq!(nested[2..], ["3 Atomic 500", "4 Delete 215"]);
    let sequence = inner_atomic.replace("Atomic", "Sequence");
    assert_eq!(
        in_atomic(&sequence)[2..],
        ["3 Sequence 500", "4 Delete 215"]
    );
    let alert = "<Alert><CmdID>3</CmdID><Data>1101</Data></Alert>";
    assert_eq!(in_atomic(alert)[..2], rolled_back);
}

#[test]
fn a_sequence_stops_at_the_first_failure_unless_the_account_says_otherwise() {
    let body = "<Sequence><CmdID>1</CmdID>".to_owned()
        + &write("Replace", "2", "./Play/A", "x")
        + &get("3", "./Play/Nowhere")
        + "<Atomic><CmdID>4</CmdID>"
        + &delete("5", "./Play/B")
        + "</Atomic></Sequence>";
    let (bench, stopped) = ask(&body);
    assert_eq!(
        stopped,
        [
            "1 Sequence 200",
            "2 Replace 200 ./Play/A",
            "3 Get 404 ./Play/Nowhere",
            "4 Atomic 215",
            "5 Delete 215",
        ]
    );
    assert_eq!(
        bench.value("./Play/A").as_deref(),
        Some("x"),
        "no roll back"
    );
    let mut account = proven_account();
    account.sequence_stops = false;
    let mut bench = Bench::new(account, TLS);
    bench.serve(&(package_1_accepted(1, 200) + &body));
    assert_eq!(
        bench.answers()[3..],
        ["4 Atomic 200", "5 Delete 200 ./Play/B"]
    );
}

#[test]
fn containers_may_not_be_nested_without_end() {
    let depth = 12;
    let open: Vec<String> = (1..=depth)
        .map(|id| format!("<Sequence><CmdID>{id}</CmdID>"))
        .collect();
    let body = open.concat() + &get("99", "./Play/A") + &"</Sequence>".repeat(depth);
    let answers = answers(&body);
    assert_eq!(answers[7], "8 Sequence 200");
    assert_eq!(answers[8], "9 Sequence 500");
    assert_eq!(answers[12], "99 Get 215");
}

fn exec(cmd_id: &str, correlator: &str, target: &str) -> String {
    let correlator = match correlator {
        "" => String::new(),
        text => format!("<Correlator>{text}</Correlator>"),
    };
    format!(
        "<Exec><CmdID>{cmd_id}</CmdID>{correlator}<Item><Target><LocURI>{target}</LocURI></Target>\
         </Item></Exec>"
    )
}

#[test]
fn an_exec_is_recorded_and_answered_with_202() {
    let body = exec("1", "c-1", "./Ops/Start")
        + &exec("2", "", "./Ops/Now")
        + &exec("3", "", "./Play/A")
        + &exec("4", "", "./Ops/None");
    let (bench, answers) = ask(&body);
    assert_eq!(
        answers,
        [
            "1 Exec 202 ./Ops/Start",
            "2 Exec 200 ./Ops/Now",
            "3 Exec 405 ./Play/A",
            "4 Exec 404 ./Ops/None",
        ]
    );
    let record = &bench.commits[0].execs[0];
    assert_eq!(record.server, SERVER);
    assert_eq!(record.uri, uri("./Ops/Start"));
    assert_eq!(record.correlator.as_deref(), Some("c-1"));
    assert_eq!(record.effect.action, "start");
    assert_eq!(bench.commits[0].execs.len(), 1);
}

#[test]
fn a_value_of_an_exec_travels_in_its_status() {
    let (bench, _) = ask(&exec("1", "", "./Ops/Ask"));
    let Command::Status(status) = &bench.last().commands[1] else {
        panic!("the Exec is answered");
    };
    assert_eq!(text(status.items[0].data.as_ref()), "42");
}

#[test]
fn a_repeated_exec_never_runs_twice() {
    let twice = exec("1", "c-1", "./Ops/Start") + &exec("2", "c-1", "./Ops/Start");
    let (mut bench, answers) = ask(&twice);
    assert_eq!(
        answers,
        ["1 Exec 202 ./Ops/Start", "2 Exec 202 ./Ops/Start"]
    );
    bench.serve(&(exec("3", "c-1", "./Ops/Start") + &exec("4", "c-2", "./Ops/Start")));
    assert_eq!(bench.answers()[0], "3 Exec 202 ./Ops/Start");
    let started: usize = bench.commits.iter().map(|writes| writes.execs.len()).sum();
    assert_eq!(started, 2);

    let key = |server: &str| ExecKey {
        server: server.to_owned(),
        correlator: "c-9".to_owned(),
    };
    for (server, runs) in [(SERVER, 0), ("another", 1)] {
        let mut start = start(proven_account(), TLS);
        start.execs = vec![key(server)];
        let mut bench = Bench::with(start);
        bench.serve(&(package_1_accepted(1, 200) + &exec("1", "c-9", "./Ops/Start")));
        assert!(bench.answers()[0].starts_with("1 Exec 202"));
        assert_eq!(bench.commits.len(), runs);
    }
}

#[test]
fn execs_of_other_servers_do_not_displace_those_of_this_one() {
    let key = |server: &str, id: usize| ExecKey {
        server: server.to_owned(),
        correlator: format!("c-{id}"),
    };
    let mut start = start(proven_account(), TLS);
    start.execs = vec![key(SERVER, 9)];
    start.execs.extend((0..100).map(|id| key("another", id)));
    let mut bench = Bench::with(start);
    bench.serve(&(package_1_accepted(1, 200) + &exec("1", "new", "./Ops/Start")));
    assert_eq!(bench.commits.len(), 1);
    bench.serve(&exec("2", "c-9", "./Ops/Start"));
    assert_eq!(bench.answers(), ["2 Exec 202 ./Ops/Start"]);
    assert_eq!(bench.commits.len(), 1, "it does not run again");
}

#[test]
fn objects_in_chunks_are_refused_whole() {
    let chunk = |id: &str, size: &str, data: &str, more: &str| {
        format!(
            "<Replace><CmdID>{id}</CmdID><Item><Target><LocURI>./Play/A</LocURI></Target><Meta>\
             {size}</Meta><Data>{data}</Data>{more}</Item></Replace>"
        )
    };
    let size = "<Size xmlns='syncml:metinf'>9</Size>";
    let (mut bench, answers) = ask(&chunk("1", size, "abc", "<MoreData/>"));
    assert_eq!(answers, ["1 Replace 413 ./Play/A"]);
    bench.serve(&chunk("2", "", "def", "<MoreData/>"));
    assert_eq!(bench.answers(), ["2 Replace 413 ./Play/A"]);
    bench.serve(&chunk("3", "", "ghi", ""));
    assert_eq!(
        bench.answers(),
        ["3 Replace 413 ./Play/A"],
        "the rest is no object"
    );
    bench.serve(&chunk("4", "", "ghi", ""));
    assert_eq!(bench.answers(), ["4 Replace 200 ./Play/A"]);
    bench.serve(&chunk("5", size, "abc", ""));
    assert_eq!(bench.answers(), ["5 Replace 424 ./Play/A"]);
    bench.serve(&chunk(
        "6",
        "<Size xmlns='syncml:metinf'>99999999</Size>",
        "abc",
        "",
    ));
    assert_eq!(bench.answers(), ["6 Replace 413 ./Play/A"]);
}

#[test]
fn the_acl_binds_the_server_of_the_account() {
    let mut bench = Bench::proven();
    let mut root = Node::interior();
    root.acl = crate::Acl::parse("Get=*&Replace=other").unwrap();
    bench.tree.apply(&[NodeWrite::Put {
        uri: Uri::root(),
        node: root,
    }]);
    let body = package_1_accepted(1, 200) + &write("Replace", "1", "./Play/A", "x");
    bench.serve(&body);
    assert_eq!(bench.answers(), ["1 Replace 425 ./Play/A"]);
}
