use super::*;

#[test]
fn an_identical_message_gets_the_identical_answer_once_carried_out() {
    let mut device = Script::new();
    let job = device.get("./A");
    device.prove().msg_id = 1;
    let document = device.document(&package_1());
    let first = device.post(&document).unwrap();
    let token = device.token.take();
    let again = device.post(&document).unwrap();
    assert_eq!(first.answer.body, again.answer.body, "by its names");
    device.token = token;
    let again = device.post(&document).unwrap();
    assert_eq!(first.answer.body, again.answer.body, "by its token");
    assert_eq!(device.server.store().sessions(None).unwrap().len(), 1);
    let summary = device.server.store().session(1).unwrap().unwrap();
    assert_eq!(summary.received, 1);

    device.cred = None;
    let last = device.obey(&first, 200);
    let document = device.document(&obedience(&first, 200));
    let again = device.post(&document).unwrap();
    assert_eq!(last.answer.body, again.answer.body);
    assert_eq!(device.show(job).results.len(), 1);
}

#[test]
fn a_subtree_of_ten_thousand_nodes_fits_one_message() {
    let mut device = Script::new();
    let job = device.get("./A?list=StructData");
    let reply = device.begin();
    let msg_ref = &reply.message.header.msg_id;
    let cmd_id = reply.commands()[0].cmd_id().into_owned();
    let mut body = status(msg_ref, "0", "SyncHdr", 212) + &status(msg_ref, &cmd_id, "Get", 200);
    write!(
        body,
        "<Results><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>"
    )
    .unwrap();
    for node in 0..10_000 {
        write!(
            body,
            "<Item><Source><LocURI>./A/{node}</LocURI></Source><Data>1</Data></Item>"
        )
        .unwrap();
    }
    device.send(&(body + "</Results><Final/>"));
    assert_eq!(device.show(job).results.len(), 10_000);
}

#[test]
fn other_octets_under_a_used_msg_id_are_refused_and_change_nothing() {
    let mut device = Script::new();
    let job = device.get("./A");
    let reply = device.begin();
    let other = device.document(&obedience(&reply, 404));
    let refused = device.post(&other).unwrap();
    assert_eq!(refused.status("SyncHdr"), "400");
    assert!(refused.names().is_empty());
    assert_eq!(device.state(job), JobState::Sent);
    assert!(device.show(job).statuses.is_empty());
    device.obey(&reply, 200);
    assert_eq!(device.state(job), JobState::Done);
}

#[test]
fn a_device_that_begins_anew_is_not_taken_for_a_repetition() {
    let mut device = Script::with(AuthScheme::Basic, None);
    device.prove().msg_id = 1;
    let document = device.document(&package_1());
    let first = device.post(&document).unwrap();
    assert_eq!(first.phase(), Phase::Ended);
    // Nothing has changed: this may be the same message once more.
    device.token = None;
    let again = device.post(&document).unwrap();
    assert_eq!(first.answer.body, again.answer.body);
    // There is work for the device: a new session, although the octets are the same.
    device.get("./A");
    device.token = None;
    assert_eq!(device.post(&document).unwrap().names(), ["Get"]);
    // Time has passed.
    let mut device = Script::with(AuthScheme::Basic, None);
    let first = device.post(&document).unwrap();
    device.token = None;
    device.clock += 61;
    let again = device.post(&document).unwrap();
    assert_ne!(first.answer.session, again.answer.session);
}

#[test]
fn a_package_of_several_messages_is_drawn_out_with_next_message() {
    let mut device = Script::new();
    let job = device.get("./A");
    let first = device.begin();
    let msg_ref = &first.message.header.msg_id;
    let cmd_id = first.commands()[0].cmd_id().into_owned();
    let body = status(msg_ref, "0", "SyncHdr", 212) + &status(msg_ref, &cmd_id, "Get", 200);
    let reply = device.send(&body);
    assert!(!reply.message.is_final);
    assert_eq!(reply.alert(), Some("1222"));
    assert_eq!(reply.names(), ["Alert"], "no new commands in the middle");
    assert_eq!(device.state(job), JobState::Sent);
    let body = format!(
        "<Alert><CmdID>1</CmdID><Data>1222</Data></Alert>\
         <Results><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
         <Item><Source><LocURI>./A</LocURI></Source><Data>x</Data></Item></Results><Final/>"
    );
    let reply = device.send(&body);
    assert_eq!(reply.status("Alert"), "200");
    assert!(reply.message.is_final);
    let shown = device.show(job);
    assert_eq!(shown.summary.state, JobState::Done);
    assert_eq!(shown.results[0].value.value.as_deref(), Some("x"));
}

#[test]
fn other_versions_are_refused() {
    let mut device = Script::new();
    device.version = ("1.3", "DM/1.2");
    assert_eq!(device.begin().status("SyncHdr"), "505");
    device.hang_up().version = ("1.2", "DM/1.3");
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "513");
    assert_eq!(reply.status("Alert"), "513");
    assert!(reply.chal().is_none());
    assert_eq!(reply.phase(), Phase::Refused);
}

#[test]
fn a_device_may_not_command_the_server() {
    let mut device = Script::new();
    let item = "<Item><Target><LocURI>./A</LocURI></Target><Data>x</Data></Item>";
    let body = format!(
        "<Add><CmdID>1</CmdID>{item}</Add><Get><CmdID>2</CmdID>{item}</Get>\
         <Atomic><CmdID>3</CmdID><Delete><CmdID>4</CmdID>{item}</Delete></Atomic>\
         <Put><CmdID>5</CmdID>{item}</Put><Replace><CmdID>6</CmdID>{item}</Replace>\
         <Exec>{item}</Exec><Replace><CmdID>7</CmdID></Replace><Final/>"
    );
    let reply = device.prove().send(&body);
    let codes: Vec<(&str, &str)> = reply
        .statuses()
        .map(|status| (status.cmd_ref.as_deref().unwrap(), status.data.as_str()))
        .collect();
    let expected = [
        ("0", "212"),
        ("1", "405"),
        ("2", "405"),
        ("3", "405"),
        ("4", "215"),
        ("5", "501"),
        ("6", "405"),
        ("", "400"),
        ("7", "412"),
    ];
    assert_eq!(codes, expected);
}

#[test]
fn no_resp_is_honoured() {
    let mut device = Script::new();
    let body = "<Alert><CmdID>1</CmdID><NoResp/><Data>1201</Data></Alert><Final/>";
    let reply = device.prove().send(body);
    assert_eq!(reply.statuses().count(), 1);
}

#[test]
fn a_message_for_another_session_than_its_address_is_refused() {
    let mut device = Script::new();
    device.get("./A");
    let reply = device.begin();
    device.session_id = "77".into();
    assert_eq!(device.obey(&reply, 200).status("SyncHdr"), "400");
}

#[test]
fn names_alone_do_not_join_a_session_that_is_open() {
    let mut device = Script::new();
    let job = device.get("./A");
    let reply = device.begin();
    device.token = None;
    let stolen = device.obey(&reply, 200);
    assert_eq!(stolen.status("SyncHdr"), "407");
    assert_eq!(device.state(job), JobState::Sent);

    // Unless the policy is lax, for devices that ignore RespURI.
    let mut device = Script::new();
    device.server.policy.accept_session_id = true;
    let job = device.get("./A");
    let reply = device.begin();
    device.token = None;
    assert_eq!(device.obey(&reply, 200).status("SyncHdr"), "200");
    assert_eq!(device.state(job), JobState::Done);
}

/// Else whoever guesses a `SessionID` begins the session first, and holds its address when the
/// device proves itself in it.
#[test]
fn an_address_that_was_told_to_a_stranger_does_not_lead_to_the_session_of_a_device() {
    let mut device = Script::new();
    let job = device.get("./A");
    let stranger = device.document(&package_1()); // MsgID 0
    device.post(&stranger).unwrap();
    let planted = device.token.take();
    device.nonce = b"Nonce".to_vec();
    assert_eq!(device.begin().status("SyncHdr"), "401");
    let reply = device.begin();
    assert_eq!(reply.names(), ["Get"]);
    let own = std::mem::replace(&mut device.token, planted);
    let stolen = device.obey(&reply, 200);
    assert_eq!(stolen.status("SyncHdr"), "407");
    assert_eq!(device.state(job), JobState::Sent);
    device.token = own;
    assert_eq!(device.obey(&reply, 200).status("SyncHdr"), "200");
    assert_eq!(device.state(job), JobState::Done);
}

#[test]
fn a_device_that_ignores_resp_uri_can_still_answer_a_challenge() {
    let mut device = Script::new();
    device.send(&package_1());
    device.token = None;
    assert_eq!(device.begin().status("SyncHdr"), "212");
}

#[test]
fn the_answer_comes_in_the_encoding_of_the_question() {
    let mut device = Script::new();
    device.media_type = MediaType::DmWbxml;
    let job = device.get("./A");
    let reply = device.begin();
    assert_eq!(reply.status("SyncHdr"), "212");
    assert_eq!(reply.answer.body[1..3], [0xA4, 0x01]);
    device.obey(&reply, 200);
    assert_eq!(device.state(job), JobState::Done);
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert_eq!(shown.encoding.as_deref(), Some("wbxml"));
}

#[test]
fn a_large_object_is_put_together() {
    let mut device = Script::new();
    let job = device.get("./Big");
    let first = device.begin();
    let msg_ref = &first.message.header.msg_id;
    let cmd_id = first.commands()[0].cmd_id().into_owned();
    let chunk = |meta: &str, data: &str, end: &str| {
        format!(
            "<Results><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
             <Item><Source><LocURI>./Big</LocURI></Source>{meta}<Data>{data}</Data>{end}"
        )
    };
    let size = "<Meta><Size xmlns='syncml:metinf'>6</Size></Meta>";
    let body =
        status(msg_ref, &cmd_id, "Get", 200) + &chunk(size, "abc", "<MoreData/></Item></Results>");
    let reply = device.send(&body);
    assert_eq!(reply.status("Results"), "213");
    assert_eq!(reply.alert(), Some("1222"));
    let reply = device.send(&chunk("", "def", "</Item></Results><Final/>"));
    assert_eq!(
        reply.statuses().count(),
        1,
        "a Results that is well gets no Status"
    );
    let shown = device.show(job);
    assert_eq!(shown.results[0].value.value.as_deref(), Some("abcdef"));
}

#[test]
fn a_large_object_of_another_size_is_dropped() {
    let mut device = Script::new();
    let job = device.get("./Big");
    let first = device.begin();
    let msg_ref = first.message.header.msg_id.clone();
    let cmd_id = first.commands()[0].cmd_id().into_owned();
    let chunk = |data: &str, end: &str| {
        format!(
            "<Results><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
             <Item><Source><LocURI>./Big</LocURI></Source>\
             <Meta><Size xmlns='syncml:metinf'>7</Size></Meta><Data>{data}</Data>{end}"
        )
    };
    device.send(&chunk("abc", "<MoreData/></Item></Results>"));
    let reply = device.send(&chunk("def", "</Item></Results>"));
    assert_eq!(reply.status("Results"), "424");
    // A chunk that is followed by something else: the sender is told.
    device.send(&chunk("abc", "<MoreData/></Item></Results>"));
    let reply = device.send("<Alert><CmdID>1</CmdID><Data>1222</Data></Alert>");
    assert_eq!(reply.alert(), Some("1225"));
    assert!(device.show(job).results.is_empty());
}

#[test]
fn a_silent_session_expires_and_its_jobs_return() {
    let mut device = Script::new();
    let job = device.get("./A");
    let reply = device.begin();
    device.clock += 601;
    let now = device.now();
    device.server.tidy(now).unwrap();
    assert_eq!(device.state(job), JobState::Queued);
    assert_eq!(
        device.server.store().session(1).unwrap().unwrap().phase,
        "expired"
    );
    // What comes afterwards has to prove itself anew.
    assert_eq!(device.obey(&reply, 200).status("SyncHdr"), "407");
}

#[test]
fn a_session_that_had_ended_stays_well_ended() {
    let mut device = Script::new();
    device.begin();
    device.clock += 601;
    let now = device.now();
    device.server.tidy(now).unwrap();
    let session = device.server.store().session(1).unwrap().unwrap();
    assert_eq!(
        (session.phase.as_str(), session.detail),
        ("completed", None)
    );
    // It is not taken up again.
    let reply = device.send("<Alert><CmdID>1</CmdID><Data>1222</Data></Alert><Final/>");
    assert_eq!(reply.status("SyncHdr"), "407");
}

#[test]
fn the_audit_keeps_messages_and_masks_credentials() {
    let mut device = Script::new();
    device.begin();
    let audit = device.server.store().audit(1).unwrap();
    let directions: Vec<&str> = audit.iter().map(|e| e.direction.as_str()).collect();
    assert_eq!(directions, ["received", "sent"]);
    assert!(!audit[0].text.contains("Zz6EivR3"), "{}", audit[0].text);
    assert!(audit[0].text.contains("1201"));
    assert!(audit[1].text.contains("212"));
    let token = device.token.clone().unwrap();
    assert!(!audit[1].text.contains(&token), "{}", audit[1].text);
}

#[test]
fn a_message_that_cannot_be_read_or_named_leaves_no_trace() {
    let mut device = Script::new();
    device.msg_id = 1;
    let document = device.document(&package_1());
    for bad in [
        document.replace("</SyncML>", ""),
        document.replace(DEVICE, ""),
        document.replace(DEVICE, &"x".repeat(256)),
        document.replace("<MsgID>1", "<MsgID>"),
        document.replace("<SessionID>1", &format!("<SessionID>{}", "9".repeat(65))),
    ] {
        assert!(matches!(device.post(&bad), Err(Fault::Unreadable(_))));
    }
    assert!(device.server.store().sessions(None).unwrap().is_empty());
}
