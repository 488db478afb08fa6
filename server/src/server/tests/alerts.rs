use super::*;

#[test]
fn events_of_a_device_are_kept_and_answered() {
    let mut device = Script::new();
    let body = "<Alert><CmdID>1</CmdID><Data>1226</Data><Correlator>c1</Correlator>\
        <Item><Source><LocURI>./X</LocURI></Source><Meta>\
        <Type xmlns='syncml:metinf'>org.openmobilealliance.dm.x</Type>\
        <Format xmlns='syncml:metinf'>chr</Format><Mark xmlns='syncml:metinf'>critical</Mark>\
        </Meta><Data>hot</Data></Item></Alert>\
        <Alert><CmdID>2</CmdID><Data>1224</Data><Item><Meta>\
        <Type xmlns='syncml:metinf'>a</Type></Meta><Data>1</Data></Item><Item><Meta>\
        <Type xmlns='syncml:metinf'>b</Type></Meta><Data>2</Data></Item></Alert><Final/>";
    let reply = device.prove().send(body);
    let codes: Vec<&str> = reply.statuses().map(|s| s.data.as_str()).collect();
    assert_eq!(codes, ["212", "200", "200"]);
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert_eq!(shown.alerts.len(), 3);
    let generic = &shown.alerts[2];
    assert_eq!(generic.code, 1226);
    assert_eq!(
        generic.type_.as_deref(),
        Some("org.openmobilealliance.dm.x")
    );
    assert_eq!(generic.mark.as_deref(), Some("critical"));
    assert_eq!(generic.source.as_deref(), Some("./X"));
    assert_eq!(generic.value.value.as_deref(), Some("hot"));
    let correlated = device
        .server
        .store()
        .correlated_alerts(DEVICE, &["c1".into()])
        .unwrap();
    assert_eq!(correlated.len(), 1);
}

#[test]
fn each_alert_code_has_its_answer() {
    for (alert, code) in [
        ("<Data>1200</Data>", "200"),
        ("<Data> 1201 </Data>", "200"),
        ("<Data>1221</Data>", "200"),
        ("<Data>1222</Data>", "200"),
        ("<Data>1225</Data>", "200"),
        ("<Data>1100</Data>", "406"),
        ("<Data>nonsense</Data>", "400"),
        ("", "412"),
        ("<Data>1226</Data>", "412"),
        ("<Data>1226</Data><Item><Data>no type</Data></Item>", "412"),
    ] {
        let mut device = Script::new();
        let body = format!("<Alert><CmdID>1</CmdID>{alert}</Alert><Final/>");
        assert_eq!(device.prove().send(&body).status("Alert"), code, "{alert}");
    }
}

#[test]
fn an_alert_in_an_unproven_message_is_not_kept() {
    let mut device = Script::new();
    let body = "<Alert><CmdID>1</CmdID><Data>1224</Data><Item><Meta>\
        <Type xmlns='syncml:metinf'>a</Type></Meta><Data>1</Data></Item></Alert><Final/>";
    assert_eq!(device.send(body).status("Alert"), "407");
    let shown = device.server.store().device(DEVICE).unwrap().unwrap();
    assert!(shown.alerts.is_empty());
}

#[test]
fn a_device_that_looks_cloned_is_flagged() {
    let mut device = Script::new();
    device.begin();
    device.hang_up().prove();
    device.send(&package_1().replace("Spot", "Other"));
    let cloned = |device: &mut Script| {
        let shown = device.server.store().device(DEVICE).unwrap().unwrap();
        shown.summary.cloned
    };
    assert_eq!(
        cloned(&mut device).as_deref(),
        Some("its Mod was \"Spot\" and is \"Other\"")
    );

    // Two sessions in turn: the one that was superseded goes on.
    let mut device = Script::new();
    device.get("./A");
    let reply = device.begin();
    let (token, session) = (device.token.clone(), device.session_id.clone());
    device.hang_up();
    device.begin();
    assert_eq!(cloned(&mut device), None, "a line may break");
    (device.token, device.session_id) = (token, session);
    assert_eq!(device.obey(&reply, 200).status("SyncHdr"), "400");
    assert_eq!(
        cloned(&mut device).as_deref(),
        Some("two sessions of it ran at once")
    );
}
