use super::super::tests::{NOW, address, get, replace, tree_of};
use super::*;
use crate::control::wire::{AccountSettings, NewAccount, SetAccount};
use omadm_dm::operation;
use omadm_dm::{Authority, Content, Edit, NodeWrite, Overlay, Snapshot, Tree};
use omadm_syncml::{AcceptedProof, MediaType, NonceForm, PeerProof, ServerTrust, StatusCode};

fn lab() -> NewAccount {
    NewAccount {
        name: "lab".to_owned(),
        server_id: "lab.example".to_owned(),
        address: "https://lab.example/dm".to_owned(),
        client_auth: Some("md5".to_owned()),
        client_secret: Some("mine".to_owned().into()),
        client_nonce: Some("bm9uY2U=".to_owned()),
        server_auth: Some("basic".to_owned()),
        server_name: Some("the server".to_owned()),
        server_secret: Some("theirs".to_owned().into()),
        ..NewAccount::default()
    }
}

fn other() -> NewAccount {
    NewAccount {
        name: "other".to_owned(),
        server_id: "other.example".to_owned(),
        ..lab()
    }
}

fn tree_with(accounts: &[NewAccount]) -> (Tree, Vec<AccountPolicy>) {
    let mut tree = tree_of(&[], "old");
    let mut policies = Vec::new();
    for account in accounts {
        let (writes, policy) = add(&tree, account, "urn:uuid:1", NOW).unwrap();
        tree.apply(&writes);
        policies.push(policy);
    }
    assert!(tree.quarantine().is_empty(), "{:?}", tree.quarantine());
    (tree, policies)
}

const LAB: Authority<'_> = Authority::Server("lab.example");
const OTHER: Authority<'_> = Authority::Server("other.example");

#[test]
fn an_account_is_read_as_it_was_made() {
    let (tree, policies) = tree_with(&[lab()]);
    let accounts = accounts(&tree, &policies);
    let configured = accounts[0].as_ref().unwrap();
    let account = &configured.account;
    assert_eq!(account.name, "lab");
    assert_eq!(account.server_id, "lab.example");
    assert_eq!(configured.addresses, ["https://lab.example/dm"]);
    let client = account.client.as_ref().unwrap();
    assert_eq!(client.scheme, AuthScheme::Md5);
    assert_eq!(client.name, "urn:uuid:1");
    assert_eq!(client.secret.expose(), b"mine");
    assert_eq!(client.nonce, b"nonce");
    let nonce = client.nonce_uri.as_ref().unwrap().to_string();
    assert_eq!(nonce, "./DMAcc/lab/AppAuth/1/AAuthData");
    let server = account.server.as_ref().unwrap();
    assert_eq!(
        (server.scheme, server.name.as_str()),
        (AuthScheme::Basic, "the server")
    );
    assert_eq!(account.media_type, MediaType::DmWbxml);
    assert!(!account.accepts(PeerProof::tls(ServerTrust::SystemRoot)));
}

#[test]
fn trust_comes_from_the_policy_alone() {
    let new = NewAccount {
        server_auth: None,
        settings: Some(AccountSettings {
            accepts: Some(vec!["tls".to_owned()]),
            encoding: Some("xml".to_owned()),
            nonce_text: Some(true),
            ca_file: Some("/etc/ca.pem".to_owned()),
            ..AccountSettings::default()
        }),
        ..lab()
    };
    let (tree, policies) = tree_with(&[new]);
    let with = accounts(&tree, &policies);
    let account = &with[0].as_ref().unwrap().account;
    assert!(account.accepts(PeerProof::tls(ServerTrust::SystemRoot)) && account.server.is_none());
    assert_eq!(account.media_type, MediaType::DmXml);
    assert_eq!(account.nonce_form, NonceForm::Text);
    let without = accounts(&tree, &[]);
    let strict = without[0].as_ref().unwrap();
    assert!(
        !strict
            .account
            .accepts(PeerProof::tls(ServerTrust::SystemRoot))
    );
    assert_eq!(strict.policy, AccountPolicy::strict("lab"));
}

#[test]
fn a_policy_is_kept_as_json() {
    let (_, policies) = tree_with(&[lab()]);
    let text = serde_json::to_string(&policies[0]).unwrap();
    assert_eq!(
        serde_json::from_str::<AccountPolicy>(&text).unwrap(),
        policies[0]
    );
    assert_eq!(
        serde_json::from_str::<AccountPolicy>(r#"{"name":"x"}"#).unwrap(),
        AccountPolicy::strict("x")
    );
}

#[test]
fn nobody_reads_a_secret_and_strangers_read_nothing() {
    let (mut tree, _) = tree_with(&[lab(), other()]);
    for by in [LAB, OTHER, Authority::Local] {
        for leaf in ["AAuthSecret", "AAuthData"] {
            let uri = format!("./DMAcc/lab/AppAuth/1/{leaf}");
            assert_eq!(
                get(&mut tree, by, &uri).unwrap_err(),
                StatusCode::NOT_ALLOWED
            );
        }
    }
    for uri in [
        "./DMAcc/lab",
        "./DMAcc/lab/ServerID",
        "./DMAcc/lab/AppAuth/1/AAuthName",
    ] {
        assert!(get(&mut tree, LAB, uri).is_ok(), "{uri}");
        assert_eq!(
            get(&mut tree, OTHER, uri).unwrap_err(),
            StatusCode::PERMISSION_DENIED
        );
    }
    let seen = get(&mut tree, OTHER, "./DMAcc?list=StructData").unwrap();
    for item in &seen {
        let uri = item.uri.to_string();
        assert!(!uri.starts_with("./DMAcc/lab"), "{uri}");
        assert!(
            !uri.contains("AAuthSecret") && !uri.contains("AAuthData"),
            "{uri}"
        );
    }
    assert!(
        seen.iter()
            .any(|item| item.uri.to_string() == "./DMAcc/other/ServerID")
    );
}

#[test]
fn a_server_changes_its_own_account_but_not_who_it_is() {
    let (mut tree, policies) = tree_with(&[lab(), other()]);
    replace(
        &mut tree,
        LAB,
        "./DMAcc/lab/AppAddr/1/Addr",
        "https://new.example/dm",
    )
    .unwrap();
    replace(&mut tree, LAB, "./DMAcc/lab/Name", "The lab").unwrap();
    replace(
        &mut tree,
        LAB,
        "./DMAcc/lab/AppAuth/1/AAuthSecret",
        "rotated",
    )
    .unwrap();
    let read = accounts(&tree, &policies);
    let configured = read[0].as_ref().unwrap();
    assert_eq!(configured.addresses, ["https://new.example/dm"]);
    assert_eq!(
        configured.account.client.as_ref().unwrap().secret.expose(),
        b"rotated"
    );
    for (uri, value, status) in [
        (
            "./DMAcc/lab/ServerID",
            "other.example",
            StatusCode::NOT_ALLOWED,
        ),
        ("./DMAcc/lab?prop=Name", "stolen", StatusCode::NOT_ALLOWED),
        (
            "./DMAcc/lab/AppAuth/1/AAuthType",
            "NONE",
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./DMAcc/other/AppAddr/1/Addr",
            "https://x/",
            StatusCode::PERMISSION_DENIED,
        ),
        (
            "./DMAcc/other/AppAuth/1/AAuthSecret",
            "x",
            StatusCode::PERMISSION_DENIED,
        ),
        (
            "./DMAcc?prop=ACL",
            "Add=*&Get=*",
            StatusCode::PERMISSION_DENIED,
        ),
    ] {
        assert_eq!(replace(&mut tree, LAB, uri, value), Err(status), "{uri}");
    }
}

fn add_node(
    tree: &mut Tree,
    by: Authority<'_>,
    uri: &str,
    content: &Content,
) -> Result<(), StatusCode> {
    let mut overlay = Overlay::new();
    let live = Snapshot::default();
    let address = address(uri);
    operation::add(
        &mut Edit::new(tree, &mut overlay, &live),
        by,
        &address,
        content,
        NOW,
    )?;
    tree.apply(&overlay.into_writes());
    Ok(())
}

#[test]
fn a_server_has_room_of_its_own_and_makes_no_accounts() {
    let (mut tree, _) = tree_with(&[lab(), other()]);
    let interior = Content::interior();
    add_node(&mut tree, LAB, "./DMAcc/lab/Ext/acme", &interior).unwrap();
    add_node(
        &mut tree,
        LAB,
        "./DMAcc/lab/Ext/acme/key",
        &Content::text("value"),
    )
    .unwrap();
    assert!(get(&mut tree, LAB, "./DMAcc/lab/Ext/acme/key").is_ok());
    let refused = get(&mut tree, OTHER, "./DMAcc/lab/Ext/acme/key");
    assert_eq!(refused.unwrap_err(), StatusCode::PERMISSION_DENIED);
    let foreign = add_node(&mut tree, OTHER, "./DMAcc/lab/Ext/mine", &interior);
    assert_eq!(foreign, Err(StatusCode::PERMISSION_DENIED));
    let account = add_node(&mut tree, LAB, "./DMAcc/evil", &interior);
    assert_eq!(account, Err(StatusCode::NOT_ALLOWED));
}

#[test]
fn a_removed_server_keeps_no_rights() {
    let (mut tree, policies) = tree_with(&[lab(), other()]);
    let acl = "Get=*&Replace=lab.example+other.example";
    replace(&mut tree, Authority::Local, "./DevInfo?prop=ACL", acl).unwrap();
    replace(
        &mut tree,
        Authority::Local,
        "./DMAcc/other?prop=ACL",
        "Get=lab.example+other.example",
    )
    .unwrap();
    let writes = remove(&tree, "lab").unwrap();
    tree.apply(&writes);
    let left = accounts(&tree, &policies);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].as_ref().unwrap().account.name, "other");
    let mut acl = |uri: &str| {
        let items = get(&mut tree, Authority::Local, uri).unwrap();
        items[0].data.as_text().unwrap().into_owned()
    };
    assert_eq!(acl("./DevInfo?prop=ACL"), "Get=*&Replace=other.example");
    assert_eq!(acl("./DMAcc/other?prop=ACL"), "Get=other.example");
    assert!(get(&mut tree, Authority::Local, "./DMAcc/lab").is_err());
    assert_eq!(
        remove(&tree, "lab"),
        Err(AccountError::NotFound("lab".to_owned()))
    );
}

#[test]
fn accounts_that_servers_delete_are_told() {
    let (tree, _) = tree_with(&[lab(), other()]);
    let mut overlay = Overlay::new();
    let live = Snapshot::default();
    let address = address("./DMAcc/lab");
    let mut edit = Edit::new(&tree, &mut overlay, &live);
    assert_eq!(
        operation::delete(&mut edit, OTHER, &address),
        Err(StatusCode::PERMISSION_DENIED)
    );
    operation::delete(&mut edit, LAB, &address).unwrap();
    assert_eq!(deleted(&overlay.into_writes()), ["lab"]);
    let below = NodeWrite::Delete {
        uri: "./DMAcc/lab/Ext/x".parse().unwrap(),
    };
    assert!(deleted(&[below]).is_empty());
}

#[test]
fn accounts_without_sense_are_refused_with_the_mend() {
    let (tree, _) = tree_with(&[lab()]);
    let text = |value: &str| Some(value.to_owned());
    let refused = |spoil: &dyn Fn(&mut NewAccount), said: &str| {
        let mut new = NewAccount {
            name: "new".to_owned(),
            server_id: "new.example".to_owned(),
            ..lab()
        };
        spoil(&mut new);
        let error = add(&tree, &new, "urn:uuid:1", NOW).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    refused(&|new| new.name = "lab".to_owned(), "already");
    refused(&|new| new.name = "a/b".to_owned(), "\"/\"");
    refused(&|new| new.name = "x".repeat(4000), "characters");
    let taken = |new: &mut NewAccount| new.server_id = "lab.example".to_owned();
    refused(&taken, "has the account \"lab\" already");
    refused(&|new| new.server_id = "a=b".to_owned(), "server identifier");
    refused(&|new| new.address = "ftp://x/".to_owned(), "ftp");
    refused(&|new| new.address = "http://x/".to_owned(), "--allow-http");
    refused(&|new| new.client_secret = None, "client_secret");
    refused(&|new| new.server_auth = None, "--accept");
    refused(
        &|new| new.client_auth = text("mac"),
        "none of hmac, md5 and basic",
    );
    refused(&|new| new.client_nonce = text("*"), "base64");
    let settings = |change: &dyn Fn(&mut AccountSettings), said: &str| {
        let mut settings = AccountSettings::default();
        change(&mut settings);
        refused(&|new| new.settings = Some(settings.clone()), said);
    };
    let list = |value: &str| Some(vec![value.to_owned()]);
    let secret = || Some("s3cret".to_owned().into());
    settings(&|new| new.encoding = text("json"), "encoding");
    settings(&|new| new.accepts = list("ssl"), "tls-mutual");
    settings(&|new| new.accepts = list("tls-pin"), "--pin");
    settings(&|new| new.accepts = list("tls-ca"), "--ca-file");
    settings(
        &|new| new.accepts = list("tls-mutual"),
        "--client-certificate",
    );
    settings(&|new| new.pins = list("sha256/AAAA"), "sha256/");
    settings(&|new| new.accepts = list("bonded-link"), "--bluetooth-peer");
    settings(&|new| new.bluetooth_peers = list("phone"), "00:1A:7D");
    settings(&|new| new.client_certificate = text("/c"), "--client-key");
    settings(&|new| new.client_key = text("/k"), "--client-certificate");
    settings(&|new| new.proxy = text("http://me:s3cret@proxy:1"), "proxy");
    settings(&|new| new.proxy = text("proxy"), "proxy");
    settings(&|new| new.proxy_secret = secret(), "--proxy");
    settings(&|new| new.http_auth = text("ntlm"), "basic or digest");
    settings(&|new| new.http_auth = text("digest"), "--http-secret-file");
    settings(&|new| new.http_secret = secret(), "--http-auth");
    settings(&|new| new.connect = list(""), "reference");
    settings(&|new| new.connect = list("a\nb"), "reference");
    settings(&|new| new.roaming = text("maybe"), "neither allow nor deny");
}

fn everything() -> AccountSettings {
    let text = |value: &str| Some(value.to_owned());
    let list = |values: &[&str]| Some(values.iter().map(|text| (*text).to_owned()).collect());
    AccountSettings {
        accepts: list(&["tls-pin", "tls-mutual"]),
        pins: list(&["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]),
        client_certificate: text("/etc/own.pem"),
        client_key: text("/etc/own.key"),
        http_auth: text("digest"),
        http_name: text("gateway"),
        http_secret: Some("http-s3cret".to_owned().into()),
        proxy: text("http://proxy.example:3128"),
        proxy_name: text("out"),
        proxy_secret: Some("proxy-s3cret".to_owned().into()),
        connect: list(&["lte", "vrf:mgmt", "interface:eth0"]),
        metered: text("deny"),
        ..AccountSettings::default()
    }
}

fn with(settings: AccountSettings) -> NewAccount {
    NewAccount {
        settings: Some(settings),
        ..lab()
    }
}

fn only(tree: &Tree, policies: &[AccountPolicy]) -> Configured {
    accounts(tree, policies).remove(0).unwrap()
}

#[test]
fn what_an_account_may_is_read_as_it_was_made() {
    let (mut tree, policies) = tree_with(&[with(everything())]);
    let read = only(&tree, &policies);
    let policy = &read.policy;
    assert_eq!(read.references, ["lte", "vrf:mgmt", "interface:eth0"]);
    assert_eq!(
        policy.accepts,
        [AcceptedProof::TlsPin, AcceptedProof::TlsMutual]
    );
    assert_eq!(read.account.accepts, policy.accepts);
    assert_eq!((policy.metered, policy.roaming), (Rule::Deny, Rule::Allow));
    assert_eq!(policy.default_route, Some(Rule::Deny));
    let http = read.http.unwrap();
    assert_eq!(
        (http.scheme.as_str(), http.user.as_str()),
        ("digest", "gateway")
    );
    assert_eq!(http.secret.expose(), b"http-s3cret");
    let proxy = policy.proxy.as_ref().unwrap().settings().unwrap();
    assert_eq!(proxy.to_string(), "proxy.example:3128");
    let (name, secret) = proxy.credential.unwrap();
    assert_eq!(
        (name.as_str(), secret.expose()),
        ("out", &b"proxy-s3cret"[..])
    );
    // SyncML's own credentials are not mistaken for it, nor is it for theirs.
    assert_eq!(read.account.client.unwrap().secret.expose(), b"mine");
    // It is kept, and shown to nobody.
    let text = serde_json::to_string(policy).unwrap();
    assert_eq!(
        &serde_json::from_str::<AccountPolicy>(&text).unwrap(),
        policy
    );
    assert!(!format!("{policy:?}").contains("s3cret"), "{policy:?}");
    let secret = "./DMAcc/lab/AppAuth/HTTP/AAuthSecret";
    for by in [LAB, Authority::Local] {
        assert_eq!(get(&mut tree, by, secret), Err(StatusCode::NOT_ALLOWED));
    }
}

#[test]
fn a_server_moves_its_account_but_not_to_the_default_route() {
    let (mut tree, policies) = tree_with(&[with(everything())]);
    replace(&mut tree, LAB, "./DMAcc/lab/PrefConRef", "interface:eth1").unwrap();
    replace(&mut tree, LAB, "./DMAcc/lab/ToConRef/1/ConRef", "").unwrap();
    replace(
        &mut tree,
        LAB,
        "./DMAcc/lab/ToConRef/2/ConRef",
        "interface:eth1",
    )
    .unwrap();
    let read = only(&tree, &policies);
    assert_eq!(read.references, ["interface:eth1"]);
    replace(&mut tree, LAB, "./DMAcc/lab/PrefConRef", "").unwrap();
    replace(&mut tree, LAB, "./DMAcc/lab/ToConRef/2/ConRef", "").unwrap();
    let read = only(&tree, &policies);
    assert!(read.references.is_empty());
    assert_eq!(read.policy.default_route, Some(Rule::Deny));
}

fn asked(settings: &AccountSettings) -> SetAccount {
    SetAccount {
        settings: settings.clone(),
        ..SetAccount::default()
    }
}

fn changed(tree: &mut Tree, policy: &AccountPolicy, settings: &AccountSettings) -> AccountPolicy {
    let (writes, policy) = set(tree, policy, &asked(settings), "urn:uuid:1", NOW).unwrap();
    tree.apply(&writes);
    assert!(tree.quarantine().is_empty(), "{:?}", tree.quarantine());
    policy
}

#[test]
fn an_account_is_changed_without_removing_it() {
    let (mut tree, policies) = tree_with(&[lab(), other()]);
    let nothing = changed(&mut tree, &policies[0], &AccountSettings::default());
    assert_eq!(nothing, policies[0]);
    let policy = changed(&mut tree, &nothing, &everything());
    let of = |tree: &Tree, policy: &AccountPolicy| only(tree, std::slice::from_ref(policy));
    assert_eq!(of(&tree, &policy).references.len(), 3);
    let text = |value: &str| Some(value.to_owned());
    let new = AccountSettings {
        connect: Some(vec!["lte".to_owned()]),
        http_name: text("other"),
        metered: text("allow"),
        ..AccountSettings::default()
    };
    let policy = changed(&mut tree, &policy, &new);
    let read = of(&tree, &policy);
    assert_eq!(read.references, ["lte"]);
    let http = read.http.unwrap();
    assert_eq!(http.user, "other");
    assert_eq!(http.secret.expose(), b"http-s3cret");
    assert_eq!(policy.metered, Rule::Allow);
    assert_eq!(policy.pins.len(), 1, "what is not named stays");
    let nothing = AccountSettings {
        accepts: Some(Vec::new()),
        pins: Some(Vec::new()),
        client_certificate: text(""),
        client_key: text(""),
        http_auth: text(""),
        proxy: text(""),
        connect: Some(Vec::new()),
        ..AccountSettings::default()
    };
    let policy = changed(&mut tree, &policy, &nothing);
    assert_eq!(policy, policies[0]);
    let read = of(&tree, &policy);
    assert!(read.http.is_none() && read.references.is_empty());
}

#[test]
fn secrets_are_renewed_where_there_are_credentials() {
    let without_server = NewAccount {
        server_auth: None,
        ..with(AccountSettings {
            accepts: Some(vec!["tls".to_owned()]),
            ..AccountSettings::default()
        })
    };
    let (mut tree, policies) = tree_with(&[without_server]);
    let mut new = SetAccount {
        client_secret: Some("renewed".to_owned().into()),
        ..SetAccount::default()
    };
    let (writes, policy) = set(&tree, &policies[0], &new, "urn:uuid:1", NOW).unwrap();
    tree.apply(&writes);
    let client = only(&tree, &[policy]).account.client.unwrap();
    assert_eq!(client.secret.expose(), b"renewed");
    assert_eq!(client.nonce, b"nonce");
    new.server_secret = Some("renewed".to_owned().into());
    let error = set(&tree, &policies[0], &new, "urn:uuid:1", NOW).unwrap_err();
    assert!(error.to_string().contains("SRVCRED"), "{error}");
}

#[test]
fn a_change_that_would_leave_an_account_open_is_refused() {
    let new = NewAccount {
        server_auth: None,
        ..with(AccountSettings {
            accepts: Some(vec!["tls".to_owned()]),
            ..AccountSettings::default()
        })
    };
    let (tree, policies) = tree_with(&[new]);
    let trusting_nobody = AccountSettings {
        accepts: Some(Vec::new()),
        ..AccountSettings::default()
    };
    let error = set(
        &tree,
        &policies[0],
        &asked(&trusting_nobody),
        "urn:uuid:1",
        NOW,
    )
    .unwrap_err();
    assert!(error.to_string().contains("prove the server"), "{error}");
    let missing = AccountPolicy::strict("none");
    let error = set(&tree, &missing, &asked(&trusting_nobody), "urn:uuid:1", NOW).unwrap_err();
    assert_eq!(error, AccountError::NotFound("none".to_owned()));
}

#[test]
fn a_policy_of_an_older_version_is_read() {
    for (stored, accepts) in [
        (
            r#"{"name":"lab","encoding":"xml","accepts-tls":true,"allows-http":false,"ca-file":"/ca.pem","nonce-text":false}"#,
            vec![AcceptedProof::Tls],
        ),
        (
            r#"{"name":"lab","encoding":"xml","accepts-tls":false,"allows-http":false,"ca-file":"/ca.pem","nonce-text":false}"#,
            Vec::new(),
        ),
    ] {
        let policy: AccountPolicy = serde_json::from_str(stored).unwrap();
        let expected = AccountPolicy {
            encoding: Encoding::Xml,
            ca_file: Some("/ca.pem".into()),
            accepts,
            ..AccountPolicy::strict("lab")
        };
        assert_eq!(policy, expected);
    }
}

#[test]
fn an_account_of_a_foreign_scheme_is_told_not_used() {
    let (mut tree, policies) = tree_with(&[lab()]);
    // No such value can be written; one may be left over.
    let uri = "./DMAcc/lab/AppAuth/1/AAuthType";
    assert!(replace(&mut tree, LAB, uri, "X509").is_err());
    let node = Node::leaf(omadm_syncml::Format::Chr, omadm_syncml::Value::from("X509"));
    tree.apply(&[NodeWrite::Put {
        uri: uri.parse().unwrap(),
        node,
    }]);
    let error = accounts(&tree, &policies)[0]
        .as_ref()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("X509") && error.contains("DIGEST"),
        "{error}"
    );
}

#[test]
fn ports_and_kinds_of_addresses_are_put_together() {
    let (mut tree, policies) = tree_with(&[lab()]);
    let add = |tree: &mut Tree, uri: &str, value: Option<&str>| {
        let content = value.map_or_else(Content::interior, Content::text);
        add_node(tree, Authority::Local, uri, &content).unwrap();
    };
    let two = "./DMAcc/lab/AppAddr/2";
    add(&mut tree, two, None);
    add(&mut tree, &format!("{two}/Addr"), Some("192.0.2.7"));
    replace(
        &mut tree,
        Authority::Local,
        &format!("{two}/AddrType"),
        "IPv4",
    )
    .unwrap();
    add(&mut tree, &format!("{two}/Port"), None);
    add(&mut tree, &format!("{two}/Port/1"), None);
    add(&mut tree, &format!("{two}/Port/1/PortNbr"), Some("8080"));
    let read = accounts(&tree, &policies);
    assert_eq!(
        read[0].as_ref().unwrap().addresses,
        ["https://lab.example/dm", "http://192.0.2.7:8080/"]
    );
}

/// Whoever knows the name could answer for a server without a secret: the challenge tells the rest.
#[test]
fn a_credential_without_a_secret_proves_nothing() {
    let (mut tree, policies) = tree_with(&[lab()]);
    for secret in [
        "./DMAcc/lab/AppAuth/1/AAuthSecret",
        "./DMAcc/lab/AppAuth/2/AAuthSecret",
    ] {
        assert_eq!(
            replace(&mut tree, LAB, secret, ""),
            Err(StatusCode::UNSUPPORTED_FORMAT)
        );
    }
    // One in the making does not stand in for one that is whole.
    let add = |tree: &mut Tree, leaf: &str, text: &str| {
        let uri = format!("./DMAcc/lab/AppAuth/9/{leaf}");
        add_node(tree, Authority::Local, &uri, &Content::text(text)).unwrap();
    };
    add(&mut tree, "AAuthLevel", "SRVCRED");
    add(&mut tree, "AAuthType", "DIGEST");
    let read = accounts(&tree, &policies);
    let server = read[0].as_ref().unwrap().account.server.as_ref().unwrap();
    assert_eq!(server.secret.expose(), b"theirs");
    // Nor does one that lost its secret in some other way.
    let uri = "./DMAcc/lab/AppAuth/2/AAuthSecret".parse().unwrap();
    tree.apply(&[NodeWrite::Delete { uri }]);
    let error = accounts(&tree, &policies)[0]
        .as_ref()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("AAuthSecret") && error.contains("SRVCRED"),
        "{error}"
    );
}

/// One session runs at a time: a list without end would keep every other server waiting.
#[test]
fn only_so_many_addresses_are_tried() {
    let (mut tree, policies) = tree_with(&[lab()]);
    for id in 2..100 {
        let uri = format!("./DMAcc/lab/AppAddr/{id}/Addr");
        let text = format!("https://lab{id}.example/dm");
        add_node(&mut tree, Authority::Local, &uri, &Content::text(&text)).unwrap();
    }
    let read = accounts(&tree, &policies);
    let addresses = &read[0].as_ref().unwrap().addresses;
    assert_eq!(addresses.len(), 8);
    assert_eq!(addresses[0], "https://lab.example/dm");
    assert_eq!(addresses[7], "https://lab8.example/dm");
}

/// Nobody but somebody at the device could mend an account that has no address.
#[test]
fn a_server_does_not_cut_itself_off() {
    let (mut tree, policies) = tree_with(&[lab()]);
    let addr = "./DMAcc/lab/AppAddr/1/Addr";
    let empty = replace(&mut tree, LAB, addr, "");
    assert_eq!(empty, Err(StatusCode::UNSUPPORTED_FORMAT));
    let delete = |tree: &mut Tree, uri: &str| {
        let mut overlay = Overlay::new();
        let mut edit = Edit::new(tree, &mut overlay, Snapshot::empty());
        operation::delete(&mut edit, LAB, &address(uri))?;
        tree.apply(&overlay.into_writes());
        Ok(())
    };
    let last = delete(&mut tree, "./DMAcc/lab/AppAddr/1");
    assert_eq!(last, Err(StatusCode::NOT_ALLOWED));
    let second = Content::text("https://new.example/dm");
    add_node(
        &mut tree,
        Authority::Local,
        "./DMAcc/lab/AppAddr/2/Addr",
        &second,
    )
    .unwrap();
    assert_eq!(delete(&mut tree, "./DMAcc/lab/AppAddr/1"), Ok(()));
    let read = accounts(&tree, &policies);
    assert_eq!(
        read[0].as_ref().unwrap().addresses,
        ["https://new.example/dm"]
    );
    assert_eq!(delete(&mut tree, "./DMAcc/lab"), Ok(()), "but it may leave");
}

/// An account on a line that the device waits on; its scheme is one of every build.
fn with_obex(name: &str, secret: &str) -> AccountSettings {
    AccountSettings {
        obex_name: Some(name.to_owned()),
        obex_secret: Some(secret.to_owned().into()),
        ..AccountSettings::default()
    }
}

#[test]
fn a_server_is_proven_in_obex_by_its_own_credential() {
    let (mut tree, policies) = tree_with(&[with(with_obex("pc", "obex-s3cret")), other()]);
    let accounts = accounts(&tree, &policies);
    let obex = accounts[0].as_ref().unwrap().obex.clone().unwrap();
    assert_eq!(
        (&*obex.user, obex.secret.expose()),
        ("pc", &b"obex-s3cret"[..])
    );
    assert!(accounts[1].as_ref().unwrap().obex.is_none());
    let secret = "./DMAcc/lab/AppAuth/OBEX/AAuthSecret";
    for by in [LAB, Authority::Local] {
        assert_eq!(get(&mut tree, by, secret), Err(StatusCode::NOT_ALLOWED));
    }
    replace(&mut tree, LAB, secret, "rotated").unwrap();
    let read = only(&tree, &policies[..1]);
    assert_eq!(read.obex.unwrap().secret.expose(), b"rotated");
}

#[test]
fn a_credential_for_obex_is_changed_and_taken_away() {
    let (mut tree, policies) = tree_with(&[with(with_obex("", "one"))]);
    let of = |tree: &Tree, policy: &AccountPolicy| only(tree, std::slice::from_ref(policy)).obex;
    assert_eq!(of(&tree, &policies[0]).unwrap().user, "");
    let named = AccountSettings {
        obex_name: Some("pc".to_owned()),
        ..AccountSettings::default()
    };
    let policy = changed(&mut tree, &policies[0], &named);
    let read = of(&tree, &policy).unwrap();
    assert_eq!((&*read.user, read.secret.expose()), ("pc", &b"one"[..]));
    let accepting = AccountSettings {
        accepts: Some(vec!["obex-digest".to_owned()]),
        ..AccountSettings::default()
    };
    let policy = changed(&mut tree, &policy, &accepting);
    let gone = AccountSettings {
        obex_name: Some(String::new()),
        ..AccountSettings::default()
    };
    let refused = |settings: &AccountSettings| {
        let set = set(&tree, &policy, &asked(settings), "urn:uuid:1", NOW);
        set.unwrap_err().to_string()
    };
    let error = refused(&gone);
    assert!(error.contains("--obex-secret-file"), "{error}");
    let error = refused(&with_obex("a name of over twenty octets", "x"));
    assert!(error.contains("longer than 20"), "{error}");
    let gone = AccountSettings {
        accepts: Some(Vec::new()),
        ..gone
    };
    let policy = changed(&mut tree, &policy, &gone);
    assert!(of(&tree, &policy).is_none());
}

#[test]
fn a_proof_stands_in_where_it_can_be_had() {
    let made = |address: &str, accepts: &[&str]| {
        let settings = AccountSettings {
            accepts: Some(accepts.iter().map(ToString::to_string).collect()),
            ..with_obex("pc", "s")
        };
        let new = NewAccount {
            address: address.to_owned(),
            server_auth: None,
            ..with(settings)
        };
        add(&tree_of(&[], "old"), &new, "urn:uuid:1", NOW)
    };
    assert!(made("https://lab.example/dm", &["tls"]).is_ok());
    let error = made("https://lab.example/dm", &["obex-digest"]).unwrap_err();
    assert!(error.to_string().contains("prove the server"), "{error}");
    // A line is proven by OBEX alone, once this build knows one.
    let line = "unix+obex:///run/omadm/obex.sock";
    if line.parse::<omadm_bindings::Address>().is_ok() {
        assert!(made(line, &["obex-digest"]).is_ok());
        assert!(made(line, &["tls"]).is_err());
    }
}

#[test]
fn an_account_has_several_addresses_in_order() {
    let new = NewAccount {
        more_addresses: Some(vec![
            "https://b.example/".to_owned(),
            "https://c.example/".to_owned(),
        ]),
        ..lab()
    };
    let (mut tree, policies) = tree_with(std::slice::from_ref(&new));
    let read = only(&tree, &policies);
    assert_eq!(
        read.addresses,
        [
            "https://lab.example/dm",
            "https://b.example/",
            "https://c.example/"
        ]
    );
    let replaced = |addresses: &[&str]| SetAccount {
        addresses: Some(addresses.iter().map(ToString::to_string).collect()),
        ..SetAccount::default()
    };
    let asked = replaced(&["https://d.example/"]);
    let (writes, _) = set(&tree, &policies[0], &asked, "urn:uuid:1", NOW).unwrap();
    for (bad, reason) in [
        (vec![], "1 to 8"),
        (vec!["https://x/"; 9], "1 to 8"),
        (vec!["http://x/"], "--allow-http"),
    ] {
        let error = set(&tree, &policies[0], &replaced(&bad), "urn:uuid:1", NOW).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    tree.apply(&writes);
    assert_eq!(only(&tree, &policies).addresses, ["https://d.example/"]);
    assert!(tree.quarantine().is_empty(), "{:?}", tree.quarantine());
}

#[test]
fn a_pairing_proves_a_server_that_is_listed_or_dialled() {
    let list = |values: &[&str]| Some(values.iter().map(|text| (*text).to_owned()).collect());
    let peer = "00:1a:7d:da:71:13";
    for (address, peers, usable) in [
        ("bt+obex:", &[peer][..], true),
        ("bt+obex://00:1A:7D:DA:71:13", &[], false),
        ("bt+obex:", &[], false),
        ("bt+obex://?channel=9", &[], false),
        // A cable proves no pairing.
        ("tty+obex:///dev/ttyS0", &[peer], false),
        ("https://lab.example/dm", &[peer], false),
    ] {
        let new = NewAccount {
            address: address.to_owned(),
            server_auth: None,
            server_secret: None,
            server_nonce: None,
            ..with(AccountSettings {
                accepts: list(&["bonded-link"]),
                bluetooth_peers: list(peers),
                ..AccountSettings::default()
            })
        };
        let made = add(&tree_of(&[], "old"), &new, "device", NOW);
        assert_eq!(made.is_ok(), usable, "{address} {peers:?}: {made:?}");
        if let Ok((_, policy)) = made
            && !peers.is_empty()
        {
            let listed: Vec<_> = policy
                .bluetooth_peers
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(listed, ["00:1A:7D:DA:71:13"]);
        }
    }
}
