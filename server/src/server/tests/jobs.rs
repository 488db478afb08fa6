use super::*;

fn add(uri: &str, value: &str) -> Operation {
    Operation::Add {
        uri: uri.into(),
        content: text(value),
    }
}

#[test]
fn every_kind_of_job_becomes_its_command() {
    let mut device = Script::new();
    let delete = Operation::Delete { uri: "./A".into() };
    let job = device.job(&[
        Operation::Get {
            uri: "./A?list=Struct".into(),
        },
        add("./A/B", "1 < 2"),
        Operation::Replace {
            uri: "./A/B".into(),
            content: text("2"),
        },
        delete.clone(),
        Operation::Copy {
            source: "./A".into(),
            target: "./B".into(),
        },
        Operation::Exec {
            uri: "./X".into(),
            content: text("go"),
            correlator: Some("c1".into()),
        },
        Operation::Atomic {
            members: vec![delete.clone()],
        },
        Operation::Sequence {
            members: vec![delete],
        },
        Operation::Raw {
            xml: "<Alert><CmdID>7</CmdID><Data>1100</Data></Alert>".into(),
        },
    ]);
    let reply = device.begin();
    let expected = [
        "Get", "Add", "Replace", "Delete", "Copy", "Exec", "Atomic", "Sequence", "Alert",
    ];
    assert_eq!(reply.names(), expected);
    let Command::Add(command) = reply.commands()[1] else {
        panic!("an Add")
    };
    assert_eq!(command.items[0].data, Some(Data::Text("1 < 2".into())));
    let Command::Exec(command) = reply.commands()[5] else {
        panic!("an Exec")
    };
    assert_eq!(command.correlator.as_deref(), Some("c1"));
    device.obey(&reply, 200);
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Done);
    assert_eq!(shown.statuses.len(), 11, "members have their own");
    assert_eq!(shown.statuses[7].command, "6.0");
    assert_eq!(shown.results[0].uri, "./A?list=Struct");
}

#[test]
fn several_jobs_share_a_package_and_each_gets_its_own_statuses() {
    let mut device = Script::new();
    let (a, b, c) = (device.get("./A"), device.get("./B"), device.get("./C"));
    let reply = device.begin();
    assert_eq!(reply.names(), ["Get", "Get", "Get"]);
    let ids: Vec<String> = reply
        .commands()
        .iter()
        .map(|c| c.cmd_id().into_owned())
        .collect();
    // Out of order, results before their Status, one for nothing that was sent.
    let body = format!(
        "<Results><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>{}</CmdRef><Item>\
         <Source><LocURI>./C</LocURI></Source><Data>c</Data></Item></Results>\
         {}{}{}{}{}<Final/>",
        ids[2],
        status("1", &ids[2], "Get", 200),
        status("1", &ids[0], "Get", 404),
        status("9", &ids[1], "Get", 500),
        status("1", &ids[1], "Get", 200),
        status("1", "0", "SyncHdr", 200),
    );
    let reply = device.send(&body);
    assert_eq!(reply.phase(), Phase::Ended);
    let shown = device.show(a);
    assert_eq!(shown.summary.state, JobState::Failed);
    assert_eq!(
        shown.summary.detail.as_deref(),
        Some("Get ./A: 404 not found")
    );
    assert_eq!(device.state(b), JobState::Done);
    let shown = device.show(c);
    assert_eq!(shown.summary.state, JobState::Done);
    assert_eq!(shown.results[0].value.value.as_deref(), Some("c"));
}

#[test]
fn results_for_nothing_that_was_asked_are_refused() {
    let mut device = Script::new();
    device.get("./A");
    device.begin();
    let body = "<Results><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>99</CmdRef><Item>\
         <Source><LocURI>./C</LocURI></Source><Data>c</Data></Item></Results><Final/>";
    assert_eq!(device.send(body).status("Results"), "404");
}

#[test]
fn the_limit_of_the_device_is_kept() {
    for media_type in [MediaType::DmXml, MediaType::DmWbxml] {
        let mut device = Script::new();
        device.media_type = media_type;
        device.header_meta =
            "<Meta><MaxMsgSize xmlns='syncml:metinf'>2000</MaxMsgSize></Meta>".into();
        let jobs: Vec<i64> = (0..60)
            .map(|n| device.get(&format!("./Node/{n}")))
            .collect();
        let long = device.job(
            &(0..60)
                .map(|n| add(&format!("./L/{n}"), "x"))
                .collect::<Vec<_>>(),
        );
        let mut reply = device.begin();
        device.header_meta.clear();
        let mut rounds = 0;
        while reply.phase() == Phase::Open {
            assert!(
                reply.answer.body.len() <= 2000,
                "{}",
                reply.answer.body.len()
            );
            assert!(reply.names().len() > 4, "as much as fits");
            rounds += 1;
            reply = device.obey(&reply, 200);
        }
        assert!(rounds >= 2, "{media_type}: {rounds}");
        for job in jobs {
            assert_eq!(device.state(job), JobState::Done);
        }
        let shown = device.show(long);
        assert_eq!(shown.summary.state, JobState::Done);
        assert_eq!(shown.statuses.len(), 60);
    }
}

#[test]
fn a_command_that_fits_no_message_fails_its_job_alone() {
    let mut device = Script::new();
    device.header_meta = "<Meta><MaxMsgSize xmlns='syncml:metinf'>1500</MaxMsgSize></Meta>".into();
    let big = device.job(&[add("./A", &"x".repeat(1500))]);
    let small = device.get("./B");
    let reply = device.begin();
    assert_eq!(reply.names(), ["Get"]);
    device.obey(&reply, 200);
    assert_eq!(device.state(small), JobState::Done);
    let shown = device.show(big);
    assert_eq!(shown.summary.state, JobState::Failed);
    assert!(
        shown
            .summary
            .detail
            .unwrap()
            .contains("messages of 1500 bytes")
    );
    // A device that has named no limit gets it whole.
    let mut device = Script::new();
    device.job(&[add("./A", &"x".repeat(50_000))]);
    assert_eq!(device.begin().names(), ["Add"]);
}

#[test]
fn a_command_that_only_statuses_leave_no_room_for_goes_in_the_next_message() {
    let mut device = Script::new();
    device.header_meta = "<Meta><MaxMsgSize xmlns='syncml:metinf'>1500</MaxMsgSize></Meta>".into();
    let job = device.get("./A");
    let alert = |id: u32| {
        format!(
            "<Alert><CmdID>a{id}</CmdID><Data>1226</Data><Item><Meta>\
             <Type xmlns='syncml:metinf'>org.example</Type></Meta></Item></Alert>"
        )
    };
    let alerts: String = (0..12).map(alert).collect();
    let reply = device.prove().send(&(alerts + &package_1()));
    assert!(reply.names().is_empty() && !reply.message.is_final);
    assert_eq!(reply.phase(), Phase::Open);
    let reply = device.send("<Alert><CmdID>1</CmdID><Data>1222</Data></Alert>");
    assert_eq!(reply.names(), ["Get"]);
    assert!(reply.message.is_final && reply.answer.body.len() <= 1500);
    device.obey(&reply, 200);
    assert_eq!(device.state(job), JobState::Done);
}

#[test]
fn a_value_that_cannot_be_written_fails_its_job_alone() {
    let mut device = Script::new();
    let bad = device.job(&[add("./A", "\u{1}")]);
    let good = device.get("./B");
    assert_eq!(device.begin().names(), ["Get"]);
    assert_eq!(device.state(good), JobState::Sent);
    let detail = device.show(bad).summary.detail.unwrap();
    assert!(detail.contains("U+0001"), "{detail}");
}

#[test]
fn octets_travel_as_base64_in_xml_and_as_they_are_in_wbxml() {
    let content = Content::from_octets(&[0, 1, 255], None, None);
    let operation = Operation::Add {
        uri: "./A".into(),
        content,
    };
    for (media_type, format, data) in [
        (MediaType::DmXml, "b64", Data::Text("AAH/".into())),
        (
            MediaType::DmWbxml,
            "bin",
            Data::Opaque(bytes::Bytes::from_static(&[0, 1, 255])),
        ),
    ] {
        let mut device = Script::new();
        device.media_type = media_type;
        device.job(std::slice::from_ref(&operation));
        let reply = device.begin();
        let Command::Add(add) = reply.commands()[0] else {
            panic!("an Add")
        };
        assert_eq!(add.items[0].meta.format.as_deref(), Some(format));
        assert_eq!(add.items[0].data, Some(data));
    }
}

#[test]
fn a_failed_atomic_names_its_cause() {
    let mut device = Script::new();
    let job = device.job(&[Operation::Atomic {
        members: vec![add("./A", "1"), add("./B", "2"), add("./C", "3")],
    }]);
    let reply = device.begin();
    let Command::Atomic(atomic) = reply.commands()[0] else {
        panic!("an Atomic")
    };
    let ids: Vec<String> = atomic
        .commands
        .iter()
        .map(|command| command.cmd_id().into_owned())
        .collect();
    let body = status("1", "0", "SyncHdr", 200)
        + &status("1", &atomic.cmd_id, "Atomic", 507)
        + &status("1", &ids[0], "Add", 216)
        + &status("1", &ids[1], "Add", 418)
        + &status("1", &ids[2], "Add", 215)
        + "<Final/>";
    device.send(&body);
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Failed);
    assert_eq!(
        shown.summary.detail.as_deref(),
        Some("Add ./B: 418 already exists")
    );
    let codes: Vec<Option<u16>> = shown.statuses.iter().map(|s| s.status).collect();
    assert_eq!(codes, [Some(507), Some(216), Some(418), Some(215)]);
}

#[test]
fn a_container_without_a_status_is_judged_by_its_members() {
    for (code, expected) in [(200, JobState::Done), (500, JobState::Failed)] {
        let mut device = Script::new();
        let job = device.job(&[Operation::Atomic {
            members: vec![add("./A", "1")],
        }]);
        let reply = device.begin();
        let Command::Atomic(atomic) = reply.commands()[0] else {
            panic!("an Atomic")
        };
        let member = atomic.commands[0].cmd_id().into_owned();
        device.send(&(status("1", &member, "Add", code) + "<Final/>"));
        assert_eq!(device.state(job), expected);
    }
}

#[test]
fn a_command_without_a_status_fails_its_job() {
    let mut device = Script::new();
    let job = device.get("./A");
    device.begin();
    device.send(&(status("1", "0", "SyncHdr", 200) + "<Final/>"));
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Failed);
    assert_eq!(
        shown.summary.detail.as_deref(),
        Some("Get ./A: the device gave no Status")
    );
    assert_eq!(shown.statuses[0].status, None);
}

#[test]
fn a_command_that_asks_for_no_status_does_not_fail_its_job() {
    let mut device = Script::new();
    let silent = |xml: &str| Operation::Raw { xml: xml.into() };
    let job = device.job(&[
        silent(
            "<Delete><CmdID>7</CmdID><NoResp/><Item><Target><LocURI>./A</LocURI></Target></Item>\
             </Delete>",
        ),
        silent(
            "<Atomic><CmdID>8</CmdID><NoResp/><Delete><CmdID>9</CmdID><Item><Target>\
             <LocURI>./B</LocURI></Target></Item></Delete></Atomic>",
        ),
    ]);
    assert_eq!(device.begin().names(), ["Delete", "Atomic"]);
    device.send(&(status("1", "0", "SyncHdr", 200) + "<Final/>"));
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Done, "{:?}", shown.summary);
    assert!(shown.statuses.iter().all(|status| status.status.is_none()));
    assert_eq!(
        shown.statuses[0].note.as_deref(),
        Some("no Status was asked for (NoResp)")
    );
}

#[test]
fn a_broken_session_puts_its_jobs_back_and_what_was_done_counts() {
    let mut device = Script::new();
    let added = device.job(&[add("./A", "1")]);
    let deleted = device.job(&[Operation::Delete { uri: "./B".into() }]);
    let get = device.get("./C");
    device.begin();
    // The answer is lost; the device comes again.
    device.hang_up();
    let reply = device.begin();
    assert_eq!(reply.names(), ["Add", "Delete", "Get"]);
    assert_eq!(device.show(added).summary.broken_sessions, 1);
    let ids: Vec<String> = reply
        .commands()
        .iter()
        .map(|c| c.cmd_id().into_owned())
        .collect();
    let body = status("1", &ids[0], "Add", 418)
        + &status("1", &ids[1], "Delete", 404)
        + &status("1", &ids[2], "Get", 404)
        + "<Final/>";
    device.send(&body);
    let shown = device.show(added);
    assert_eq!(shown.summary.state, JobState::Done);
    assert_eq!(shown.statuses[0].status, Some(418));
    assert!(shown.statuses[0].note.is_some());
    assert_eq!(device.state(deleted), JobState::Done);
    assert_eq!(device.state(get), JobState::Failed);
    let sessions = device.server.store().sessions(None).unwrap();
    assert_eq!(sessions[0].phase, "superseded");
}

#[test]
fn an_add_that_was_never_sent_before_must_not_find_its_node() {
    let mut device = Script::new();
    let job = device.job(&[add("./A", "1")]);
    let reply = device.begin();
    device.obey(&reply, 418);
    assert_eq!(device.state(job), JobState::Failed);
}

#[test]
fn what_was_over_before_the_break_is_not_sent_again() {
    let mut device = Script::new();
    let first = device.job(&[add("./A", "1")]);
    let second = device.get("./B");
    let reply = device.begin();
    let id = reply.commands()[0].cmd_id().into_owned();
    // The package goes on, and then the line breaks.
    device.send(&status("1", &id, "Add", 200));
    assert_eq!(device.state(first), JobState::Done);
    assert_eq!(device.state(second), JobState::Sent);
    device.hang_up();
    assert_eq!(device.begin().names(), ["Get"]);
}

#[test]
fn a_job_that_breaks_every_session_is_given_up() {
    let mut device = Script::new();
    let job = device.get("./A");
    for _ in 0..20 {
        assert_eq!(device.begin().names(), ["Get"]);
        device.hang_up();
    }
    assert!(device.begin().names().is_empty());
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Failed);
    assert!(
        shown
            .summary
            .detail
            .unwrap()
            .starts_with("given up: 20 sessions")
    );
}

#[test]
fn a_cancelled_job_is_not_sent_and_stays_cancelled() {
    let mut device = Script::new();
    let (waiting, running) = (device.get("./A"), device.get("./B"));
    let now = device.now();
    device.server.store().cancel_job(waiting, now).unwrap();
    let reply = device.begin();
    assert_eq!(reply.names(), ["Get"]);
    device.server.store().cancel_job(running, now).unwrap();
    assert_eq!(device.obey(&reply, 200).phase(), Phase::Ended);
    assert_eq!(device.state(waiting), JobState::Cancelled);
    assert_eq!(device.state(running), JobState::Cancelled);
}

#[test]
fn an_aborted_session_puts_its_jobs_back() {
    let mut device = Script::new();
    let job = device.get("./A");
    device.begin();
    let reply = device.send("<Alert><CmdID>1</CmdID><Data>1223</Data></Alert><Final/>");
    assert_eq!(reply.status("Alert"), "200");
    assert!(reply.names().is_empty() && reply.message.is_final);
    assert_eq!(reply.phase(), Phase::Aborted);
    assert_eq!(device.state(job), JobState::Queued);
    assert_eq!(device.send("<Final/>").status("SyncHdr"), "400");
}

#[test]
fn a_message_that_the_device_refuses_is_tried_in_another_session() {
    let mut device = Script::new();
    let (answered, unanswered) = (device.job(&[add("./A", "1")]), device.get("./B"));
    let reply = device.begin();
    let id = reply.commands()[0].cmd_id().into_owned();
    let body = status("1", "0", "SyncHdr", 503) + &status("1", &id, "Add", 200) + "<Final/>";
    let reply = device.send(&body);
    assert!(reply.names().is_empty());
    assert_eq!(reply.phase(), Phase::Ended);
    assert_eq!(device.state(answered), JobState::Done);
    let shown = device.show(unanswered);
    assert_eq!(shown.summary.state, JobState::Queued);
    assert!(shown.summary.detail.unwrap().contains("503"));
    assert_eq!(device.hang_up().begin().names(), ["Get"]);
}

#[test]
fn a_long_job_goes_on_where_an_aborted_session_left_it() {
    let mut device = Script::new();
    device.header_meta = "<Meta><MaxMsgSize xmlns='syncml:metinf'>2500</MaxMsgSize></Meta>".into();
    let all: Vec<Operation> = (0..60).map(|n| add(&format!("./L/{n}"), "x")).collect();
    let job = device.job(&all);
    let first = device.begin();
    let sent = first.names().len();
    assert!(sent < 60);
    // All that was sent is answered, and then the device gives up.
    let abort = "<Alert><CmdID>9</CmdID><Data>1223</Data></Alert><Final/>";
    let body = obedience(&first, 200).replace("<Final/>", abort);
    device.send(&body);
    assert_eq!(device.state(job), JobState::Queued);
    let mut reply = device.hang_up().begin();
    let Command::Add(next) = reply.commands()[0] else {
        panic!("an Add")
    };
    let target = next.items[0].target.as_ref().unwrap();
    assert_eq!(target.uri, format!("./L/{sent}"));
    while reply.phase() == Phase::Open {
        reply = device.obey(&reply, 200);
    }
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Done);
    assert_eq!(shown.statuses.len(), 60);
}

#[test]
fn work_that_comes_in_mid_session_goes_out_in_it() {
    let mut device = Script::new();
    device.get("./A");
    let reply = device.begin();
    let late = device.get("./B");
    let reply = device.obey(&reply, 200);
    assert_eq!(reply.names(), ["Get"]);
    device.obey(&reply, 200);
    assert_eq!(device.state(late), JobState::Done);
}

#[test]
fn statuses_of_items_are_kept_by_item() {
    let mut device = Script::new();
    let job = device.job(&[Operation::Raw {
        xml: "<Get><CmdID>1</CmdID><Item><Target><LocURI>./A</LocURI></Target></Item>\
              <Item><Target><LocURI>./B</LocURI></Target></Item></Get>"
            .into(),
    }]);
    let reply = device.begin();
    let id = reply.commands()[0].cmd_id().into_owned();
    let for_item = |uri: &str, code: u16| {
        status("1", &id, "Get", code)
            .replace("</Cmd>", &format!("</Cmd><TargetRef>{uri}</TargetRef>"))
    };
    device.send(&(for_item("./B", 404) + &for_item("./A", 200) + "<Final/>"));
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Failed);
    let by_item: Vec<(&str, Option<u16>)> = shown
        .statuses
        .iter()
        .map(|s| (s.uri.as_str(), s.status))
        .collect();
    assert_eq!(by_item, [("./A", Some(200)), ("./B", Some(404))]);
}
