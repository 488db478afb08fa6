use super::*;
use zeroize::Zeroizing;

/// The fields of every `type` and the parameters of every method, in the interface file's words.
fn fields_of(kind: &str, name: &str) -> Vec<String> {
    let text: String = DESCRIPTION
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join(" ");
    let start = text
        .find(&format!("{kind} {name} ("))
        .or_else(|| text.find(&format!("{kind} {name}(")))
        .unwrap_or_else(|| panic!("{kind} {name} is not in the interface"));
    let body = &text[text[start..].find('(').unwrap() + start + 1..];
    let mut depth = 1;
    let end = body.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    body[..end.unwrap()]
        .split(',')
        .filter_map(|field| field.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

/// The fields the serde type knows: those that it reads back out of an object of nulls are
/// not visible, so the full form is given by the caller.
fn keys<T: Serialize>(full: &T) -> Vec<String> {
    let Json::Object(map) = serde_json::to_value(full).unwrap() else {
        panic!("not an object")
    };
    map.keys().cloned().collect()
}

fn same(kind: &str, name: &str, full: &impl Serialize) {
    let mut contract = fields_of(kind, name);
    contract.sort();
    let mut ours = keys(full);
    ours.sort();
    assert_eq!(ours, contract, "{kind} {name}");
}

#[test]
fn types_have_the_fields_of_the_interface_file() {
    let some = || Some(String::new());
    let session = SessionState {
        started: some(),
        result: some(),
        detail: some(),
        ..SessionState::default()
    };
    let status = Status {
        started: some(),
        session: Some(session.clone()),
        last_session: Some(session.clone()),
        ..Status::default()
    };
    same("type", "SessionState", &session);
    same("type", "Status", &status);
    let account = AccountState {
        client_auth: some(),
        server_auth: some(),
        http_auth: some(),
        obex_name: some(),
        ca_file: some(),
        client_certificate: some(),
        client_key: some(),
        proxy: some(),
        proxy_name: some(),
        waiting: some(),
        last_result: some(),
        last_time: some(),
        last_detail: some(),
        last_success: some(),
        next_attempt: some(),
        next_seconds: Some(1.0),
        ..AccountState::default()
    };
    same("type", "AccountState", &account);
    let connection = Connection {
        reference: String::new(),
        interface: some(),
        reason: some(),
    };
    same("type", "Connection", &connection);
    let entry = TraceEntry {
        time: some(),
        ..TraceEntry::default()
    };
    // The alternatives of the enumeration stand between the two commas.
    same("type", "TraceEntry", &entry);
    let sample = KpiSample {
        instance: some(),
        value: Some(1.0),
        text: some(),
        reason: some(),
        age_seconds: Some(1.0),
        ..KpiSample::default()
    };
    same("type", "KpiSample", &sample);
}

#[test]
fn lines_and_notifications_have_the_fields_of_the_interface_file() {
    let line = Line {
        detail: Some(String::new()),
        ..Line::default()
    };
    same("type", "Line", &line);
    same("type", "Notifications", &Notifications::default());
    same("type", "Count", &Count::default());
    same("method", "Notify", &Notify::default());
}

#[test]
fn nodes_and_requests_have_the_fields_of_the_interface_file() {
    let some = || Some(String::new());
    let node = Node {
        type_: some(),
        acl: some(),
        title: some(),
        tstamp: some(),
        verno: Some(1),
        size: Some(1),
        value: some(),
        value_base64: some(),
        status: Some(404),
        children: Some(Vec::new()),
        ..Node::default()
    };
    same("type", "Node", &node);
    let set = SetNode {
        uri: String::new(),
        value: some(),
        value_base64: some(),
        format: some(),
        type_: some(),
    };
    same("method", "SetNode", &set);
}

#[test]
fn accounts_have_the_fields_of_the_interface_file() {
    let some = || Some(String::new());
    let account = NewAccount {
        client_auth: some(),
        client_name: some(),
        client_secret: Some(Zeroizing::default()),
        client_nonce: some(),
        server_auth: some(),
        server_name: some(),
        server_secret: Some(Zeroizing::default()),
        server_nonce: some(),
        more_addresses: Some(Vec::new()),
        settings: Some(AccountSettings::default()),
        ..NewAccount::default()
    };
    same("type", "NewAccount", &account);
    let settings = AccountSettings {
        encoding: some(),
        accepts: Some(Vec::new()),
        allows_http: Some(true),
        ca_file: some(),
        pins: Some(Vec::new()),
        bluetooth_peers: Some(Vec::new()),
        client_certificate: some(),
        client_key: some(),
        http_auth: some(),
        http_name: some(),
        http_secret: Some(Zeroizing::default()),
        obex_name: some(),
        obex_secret: Some(Zeroizing::default()),
        proxy: some(),
        proxy_name: some(),
        proxy_secret: Some(Zeroizing::default()),
        connect: Some(Vec::new()),
        default_route: some(),
        roaming: some(),
        metered: some(),
        nonce_text: Some(true),
    };
    same("type", "AccountSettings", &settings);
    let set = SetAccount {
        client_secret: Some(Zeroizing::new("hunter2".into())),
        server_secret: Some(Zeroizing::new("hunter2".into())),
        addresses: Some(Vec::new()),
        ..SetAccount::default()
    };
    same("method", "SetAccount", &set);
    assert!(!format!("{set:?}").contains("hunter2"));
}

#[test]
fn every_method_and_error_of_the_interface_file_is_known() {
    let after = |keyword: &str| -> Vec<String> {
        DESCRIPTION
            .lines()
            .filter_map(|line| line.strip_prefix(keyword)?.trim().split('(').next())
            .map(|name| name.trim().to_owned())
            .collect()
    };
    assert_eq!(after("method "), METHODS);
    for name in after("error ") {
        let parsed = Error::from_wire(&format!("{INTERFACE}.{name}"), None);
        assert!(!matches!(parsed, Error::Varlink { .. }), "{name}");
        assert_eq!(parsed.to_wire().0, format!("{INTERFACE}.{name}"));
    }
}

#[test]
fn refused_survives_the_wire() {
    let error = Error::Refused {
        status: 405,
        uri: "./DevInfo/DevId".into(),
        message: "command not allowed".into(),
    };
    let (name, parameters) = error.to_wire();
    assert_eq!(Error::from_wire(&name, Some(parameters)), error);
}

#[test]
fn a_new_account_shows_no_secret() {
    let account = NewAccount {
        client_secret: Some(Zeroizing::new("hunter2".into())),
        server_secret: Some(Zeroizing::new("hunter2".into())),
        client_name: Some("someone".into()),
        settings: Some(AccountSettings {
            http_secret: Some(Zeroizing::new("hunter2".into())),
            obex_secret: Some(Zeroizing::new("hunter2".into())),
            proxy_secret: Some(Zeroizing::new("hunter2".into())),
            ..AccountSettings::default()
        }),
        ..NewAccount::default()
    };
    assert!(!format!("{:?}", account.settings).contains("hunter2"));
    assert!(!format!("{account:?}").contains("hunter2"));
}

#[test]
fn a_request_is_read_strictly() {
    assert!(serde_json::from_str::<DeleteNode>("{}").is_err());
    assert!(serde_json::from_str::<GetStatus>(r#"{"uri":"."}"#).is_err());
    assert!(serde_json::from_str::<ListTree>("{}").is_ok());
    assert!(serde_json::from_str::<Status>(r#"{"later":1}"#).is_ok());
}

#[test]
fn nulls_are_read_as_absent() {
    let call: Call<RunSession> = serde_json::from_str(
        r#"{"method":"io.omadm.Agent.RunSession","parameters":{"account":null},"more":true}"#,
    )
    .unwrap();
    assert!(call.more);
    assert_eq!(call.parameters, Some(RunSession::default()));
}
