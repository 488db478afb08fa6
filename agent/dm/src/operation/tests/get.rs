use crate::fixture::{Bench, Plain, address, ddf, dir, leaf, uri};
use crate::{Authority, Content, Tree, operation};
use omadm_syncml::{Format, StatusCode};

fn bench() -> Bench {
    let secret = leaf("Secret", "ar", Format::Chr);
    let raw = leaf("Raw", "adgr", Format::Bin);
    let name = leaf("Name", "adgr", Format::Chr);
    let item = dir("*", "adgr", vec![name, secret, raw]);
    let mut top = dir(
        "Top",
        "g",
        vec![
            item,
            leaf("Count", "gr", Format::Int)
                .permanent()
                .with_default("3"),
        ],
    );
    top.types = crate::ddf::NodeType::DdfName("urn:oma:mo:x:1.0".into());
    top.title = Some("The top".into());
    let mut bench = Bench::new(vec![top.permanent(), dir("Inbox", "a", vec![]).permanent()]);
    for (at, text) in [
        ("./Top/a b/Name", "one"),
        ("./Top/a b/Secret", "shh"),
        ("./Top/z/Name", "two"),
    ] {
        assert_eq!(bench.add("", at, &Content::text(text)), Ok(()), "{at}");
    }
    bench
}

#[test]
fn interior_nodes_answer_the_escaped_names_of_their_children() {
    let bench = bench();
    assert_eq!(bench.get("S", "./Top"), Ok("Count/a%20b/z".into()));
    assert_eq!(bench.get("S", "."), Ok("Inbox/Top".into()));
    assert_eq!(
        bench.get("S", "./Top/z/Name/Deep"),
        Err(StatusCode::NOT_FOUND)
    );
    let items = operation::get(&bench.view(), Authority::Server("S"), &address("./Top")).unwrap();
    assert_eq!(
        (items[0].format, &*items[0].type_),
        (Format::Node, "urn:oma:mo:x:1.0")
    );
}

#[test]
fn leaves_without_get_access_answer_405() {
    let bench = bench();
    for at in [
        "./Top/a b/Secret",
        "./Top/a b/Secret?prop=Size",
        "./Inbox",
        "./Inbox?list=Struct",
    ] {
        assert_eq!(bench.list("S", at), Err(StatusCode::NOT_ALLOWED), "{at}");
    }
    assert_eq!(
        bench.get("", "./Top/a b/Secret"),
        Err(StatusCode::NOT_ALLOWED)
    );
}

#[test]
fn listings_hold_what_may_be_read_parents_first() {
    let mut bench = bench();
    assert_eq!(
        bench.list("S", "./Top?list=Struct").unwrap(),
        [
            "./Top node",
            "./Top/Count int",
            "./Top/a%20b node",
            "./Top/a%20b/Name chr",
            "./Top/z node",
            "./Top/z/Name chr"
        ]
    );
    assert_eq!(
        bench.list("S", "./Top/a b?list=StructData").unwrap(),
        ["./Top/a%20b node", "./Top/a%20b/Name chr one"]
    );
    // An ACL hides a node, not what is below it.
    assert_eq!(bench.replace("", "./Top/z?prop=ACL", "Get=T"), Ok(()));
    assert_eq!(bench.replace("", "./Top/z/Name?prop=ACL", "Get=*"), Ok(()));
    let seen = bench.list("S", "./Top?list=StructData").unwrap();
    assert_eq!(seen.last().unwrap(), "./Top/z/Name chr two");
    assert!(!seen.contains(&"./Top/z node".to_owned()));
    assert_eq!(
        bench.list("S", "./Top/z?list=Struct"),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(
        bench.list("S", "./Top/Count?list=StructData").unwrap(),
        ["./Top/Count int 3"]
    );
}

#[test]
fn properties_are_texts() {
    let mut bench = bench();
    let raw = Content {
        format: Some(Format::Bin),
        value: Some(vec![0xff, 0, 1].into()),
        ..Content::default()
    };
    assert_eq!(bench.add("", "./Top/z/Raw", &raw), Ok(()));
    for (at, expected) in [
        ("./Top?prop=Name", Ok("Top")),
        (".?prop=Name", Ok(".")),
        ("./Top/a%20b?prop=Name", Ok("a b")),
        ("./Top?prop=Format", Ok("node")),
        ("./Top/z/Raw?prop=Format", Ok("bin")),
        ("./Top/z/Raw?prop=Size", Ok("3")),
        ("./Top?prop=Type", Ok("urn:oma:mo:x:1.0")),
        ("./Top/z/Name?prop=Type", Ok("text/plain")),
        ("./Top/z?prop=Type", Ok("")),
        ("./Top?prop=Title", Ok("The top")),
        ("./Top/z?prop=Title", Ok("")),
        ("./Top?prop=VerNo", Ok("0")),
        ("./Top?prop=TStamp", Ok("")),
        ("./Top/z?prop=TStamp", Ok("20010711T163817Z")),
        ("./Top?prop=Size", Err(StatusCode::NOT_SUPPORTED)),
        ("./Top?prop=Colour", Err(StatusCode::NOT_SUPPORTED)),
        ("./Top?x=y", Err(StatusCode::NOT_SUPPORTED)),
        ("./Top?list=TNDS", Err(StatusCode::NOT_SUPPORTED)),
        ("./Top?list=Other", Err(StatusCode::NOT_SUPPORTED)),
        ("./No?prop=Colour", Err(StatusCode::NOT_FOUND)),
        ("./No?list=Struct", Err(StatusCode::NOT_FOUND)),
    ] {
        assert_eq!(bench.get("S", at), expected.map(str::to_owned), "{at}");
    }
}

#[test]
fn octets_are_answered_as_octets() {
    let mut bench = bench();
    let raw = Content {
        format: Some(Format::B64),
        value: Some("/wAB".into()),
        ..Content::default()
    };
    assert_eq!(bench.add("", "./Top/z/Raw", &raw), Ok(()));
    let items = operation::get(&bench.view(), Authority::Local, &address("./Top/z/Raw")).unwrap();
    assert_eq!(items[0].format, Format::Bin);
    assert_eq!(
        items[0].data.clone().into_value(),
        Some(vec![0xff, 0, 1].into())
    );
}

fn live() -> Bench {
    let data = dir(
        "Data",
        "g",
        vec![
            leaf("Free", "g", Format::Int),
            leaf("Used", "g", Format::Int),
        ],
    );
    let mut tree = Tree::default();
    tree.mount(Box::new(Plain {
        ddf: ddf(
            "diag.xml",
            vec![dir("Diag", "g", vec![data.permanent()]).permanent()],
        ),
        live: vec!["./Diag/Data".into()],
    }))
    .unwrap();
    Bench::on(tree)
}

#[test]
fn live_leaves_answer_from_the_snapshot() {
    let mut bench = live();
    assert_eq!(bench.get("S", "./Diag/Data"), Ok(String::new()));
    assert_eq!(
        bench.get("S", "./Diag/Data/Free"),
        Err(StatusCode::NOT_FOUND)
    );
    bench.live.leaf(uri("Diag/Data/Free"), "42");
    bench
        .live
        .failed(uri("Diag/Data/Used"), StatusCode::COMMAND_FAILED);
    assert_eq!(bench.get("S", "./Diag/Data"), Ok("Free/Used".into()));
    assert_eq!(bench.get("S", "./Diag/Data/Free"), Ok("42".into()));
    assert_eq!(
        bench.get("S", "./Diag/Data/Used"),
        Err(StatusCode::COMMAND_FAILED)
    );
    assert_eq!(bench.get("S", "./Diag/Data/Free?prop=Size"), Ok("2".into()));
    for property in ["TStamp", "VerNo"] {
        let at = format!("./Diag/Data/Free?prop={property}");
        assert_eq!(bench.get("S", &at), Err(StatusCode::NOT_SUPPORTED), "{at}");
    }
    // One source that fails does not cost the others.
    assert_eq!(
        bench.list("S", ".?list=StructData").unwrap(),
        [
            ". node",
            "./Diag node",
            "./Diag/Data node",
            "./Diag/Data/Free int 42"
        ]
    );
    assert_eq!(bench.list("S", ".?list=Struct").unwrap().len(), 5);
}

#[test]
fn live_nodes_have_stored_acls_and_titles() {
    let mut bench = live();
    bench.live.leaf(uri("Diag/Data/Free"), "42");
    assert_eq!(
        bench.replace("", "./Diag/Data/Free?prop=ACL", "Get=T"),
        Ok(())
    );
    assert_eq!(
        bench.replace("", "./Diag/Data/Free?prop=Title", "Free memory"),
        Ok(())
    );
    assert_eq!(
        bench.replace("", "./Diag/Data/Free", "43"),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(
        bench.replace("", "./Diag/Data/Free?prop=Name", "x"),
        Err(StatusCode::NOT_ALLOWED)
    );
    let writes = std::mem::take(&mut bench.overlay).into_writes();
    let [crate::NodeWrite::Put { node, .. }] = writes.as_slice() else {
        panic!("one write, not {writes:?}")
    };
    assert_eq!(
        (node.verno, node.tstamp, node.value.is_empty()),
        (0, None, true)
    );
    bench.tree.apply(&writes);
    assert_eq!(
        bench.get("S", "./Diag/Data/Free"),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(
        bench.get("T", "./Diag/Data/Free?prop=Title"),
        Ok("Free memory".into())
    );
    // What is kept for a live node does not make it exist.
    bench.live = crate::Snapshot::default();
    assert_eq!(
        bench.get("T", "./Diag/Data/Free"),
        Err(StatusCode::NOT_FOUND)
    );
    assert_eq!(bench.get("S", "./Diag/Data"), Ok(String::new()));
}

#[test]
fn live_nodes_go_with_the_stored_node_above_them() {
    let state = dir("State", "g", vec![leaf("Value", "g", Format::Int)]);
    let trap = dir("*", "adg", vec![leaf("Limit", "adgr", Format::Int), state]);
    let mut tree = Tree::default();
    tree.mount(Box::new(Plain {
        ddf: ddf("trap.xml", vec![dir("Trap", "g", vec![trap]).permanent()]),
        live: vec!["./Trap/<X>/State".into(), "./Trap/<X>/State/Value".into()],
    }))
    .unwrap();
    let mut bench = Bench::on(tree);
    bench.live.leaf(uri("Trap/a/State/Value"), "1");
    assert_eq!(
        bench.get("S", "./Trap/a/State/Value"),
        Err(StatusCode::NOT_FOUND)
    );
    assert_eq!(bench.get("S", "./Trap"), Ok(String::new()));
    assert_eq!(bench.add("", "./Trap/a/Limit", &Content::text("9")), Ok(()));
    assert_eq!(bench.get("S", "./Trap/a/State/Value"), Ok("1".into()));
    assert_eq!(bench.get("S", "./Trap/a"), Ok("Limit/State".into()));
    assert_eq!(
        bench.list("S", "./Trap?list=StructData").unwrap(),
        [
            "./Trap node",
            "./Trap/a node",
            "./Trap/a/Limit int 9",
            "./Trap/a/State node",
            "./Trap/a/State/Value int 1"
        ]
    );
    let roots = bench.tree.live_roots(&[address("./Trap/a?list=Struct")]);
    assert_eq!(roots, []);
    bench.commit();
    let roots = bench.tree.live_roots(&[address("./Trap?list=Struct")]);
    assert_eq!(roots, [uri("Trap/a/State")]);
    assert_eq!(bench.delete("", "./Trap/a"), Ok(()));
    for at in ["./Trap/a/State", "./Trap/a/State/Value", "./Trap/a"] {
        assert_eq!(bench.get("S", at), Err(StatusCode::NOT_FOUND), "{at}");
    }
    assert_eq!(
        bench.list("S", "./Trap?list=Struct").unwrap(),
        ["./Trap node"]
    );
}
