use super::*;
use crate::fixture::{Bench, Plain, address, ddf, dir, leaf, uri};
use crate::{Change, Content, SchemaError};
use omadm_syncml::{Format, StatusCode, Wall};
use std::time::Duration;

fn vendor() -> Vec<crate::ddf::DdfNode> {
    let lamp = leaf("Lamp", "gr", Format::Bool)
        .permanent()
        .with_default("false");
    let item = dir(
        "*",
        "adg",
        vec![
            leaf("Name", "agr", Format::Chr),
            leaf("Kind", "ag", Format::Int).with_default("1"),
        ],
    );
    vec![
        dir(
            "Vendor",
            "g",
            vec![lamp, dir("Items", "g", vec![item]).permanent()],
        )
        .permanent(),
    ]
}

fn live_object() -> Box<Plain> {
    let data = dir(
        "Data",
        "g",
        vec![
            leaf("Free", "g", Format::Int),
            dir("*", "g", vec![leaf("Up", "g", Format::Bool)]),
        ],
    );
    let top = dir(
        "Diag",
        "g",
        vec![
            data.permanent(),
            leaf("Title", "gr", Format::Chr).permanent(),
            leaf("Start", "e", Format::Null).permanent(),
        ],
    );
    Box::new(Plain {
        ddf: ddf("diag.xml", vec![top.permanent()]),
        live: vec!["./Diag/Data".to_owned()],
    })
}

fn names(tree: &Tree, live: &Snapshot) -> Vec<String> {
    let view = tree.view(live);
    view.subtree(&Uri::root())
        .iter()
        .map(|node| node.uri().to_string())
        .collect()
}

#[test]
fn built_in_nodes_are_there_from_the_start() {
    let bench = Bench::new(vendor());
    assert_eq!(
        names(&bench.tree, Snapshot::empty()),
        [".", "./Vendor", "./Vendor/Items", "./Vendor/Lamp"]
    );
    let lamp = bench.view().node(&uri("Vendor/Lamp")).unwrap();
    assert_eq!(lamp.value(), Ok("false".into()));
    assert_eq!((lamp.verno(), lamp.tstamp()), (Some(0), None));
}

#[test]
fn octets_of_a_description_are_base64() {
    let raw = leaf("Raw", "g", Format::Bin).permanent();
    let bench = Bench::new(vec![raw.with_default("AP\n /B ")]);
    let raw = bench.view().node(&uri("Raw")).unwrap();
    assert_eq!(raw.value(), Ok(vec![0x00, 0xff, 0xc1].into()));
}

#[test]
fn a_path_makes_bare_nodes_that_a_description_may_fill_in() {
    let far = dir("Far", "g", vec![]).permanent().at("./A/B");
    let near = || dir("A", "gr", vec![leaf("Near", "g", Format::Chr).permanent()]).permanent();
    for first in [true, false] {
        let mut tree = Tree::default();
        let (one, two) = (
            ddf("far.xml", vec![far.clone()]),
            ddf("near.xml", vec![near()]),
        );
        let order = if first { [&one, &two] } else { [&two, &one] };
        for ddf in order {
            tree.describe(ddf).unwrap();
        }
        assert_eq!(
            names(&tree, Snapshot::empty()),
            [".", "./A", "./A/B", "./A/B/Far", "./A/Near"]
        );
        let access = tree
            .view(Snapshot::empty())
            .node(&uri("A"))
            .unwrap()
            .access();
        assert!(access.allows(crate::AccessType::REPLACE));
    }
}

#[test]
fn two_descriptions_of_one_node_are_refused_by_name() {
    let mut tree = Tree::default();
    tree.describe(&ddf(
        "one.xml",
        vec![dir("A", "g", vec![leaf("B", "g", Format::Chr)])],
    ))
    .unwrap();
    let clash = tree.describe(&ddf("two.xml", vec![leaf("B", "g", Format::Int).at("./A")]));
    let expected = SchemaError::Conflict {
        node: "./A/B".into(),
        first: "one.xml".into(),
        second: "two.xml".into(),
    };
    assert_eq!(clash, Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "two.xml: node ./A/B is described by one.xml already"
    );
    let below = tree.describe(&ddf(
        "two.xml",
        vec![leaf("C", "g", Format::Int).at("./A/B")],
    ));
    assert!(
        matches!(below, Err(SchemaError::BelowLeaf { .. })),
        "{below:?}"
    );
    // What was refused left nothing behind.
    assert!(
        tree.describe(&ddf("two.xml", vec![leaf("C", "g", Format::Int).at("./A")]))
            .is_ok()
    );
}

#[test]
fn live_parts_have_to_be_described_and_unchangeable() {
    let mount = |access: &str, live: &str| {
        let top = dir("A", "g", vec![leaf("B", access, Format::Chr)]);
        Tree::default().mount(Box::new(Plain {
            ddf: ddf("a.xml", vec![top]),
            live: vec![live.to_owned()],
        }))
    };
    assert_eq!(mount("ge", "./A/B"), Ok(()));
    assert!(matches!(
        mount("g", "./A/C"),
        Err(SchemaError::UnknownLive { .. })
    ));
    assert!(matches!(
        mount("g", "/A"),
        Err(SchemaError::UnknownLive { .. })
    ));
    for access in ["gr", "ga", "gd"] {
        let error = mount(access, "./A").unwrap_err();
        assert!(error.to_string().contains("./A/B"), "{error}");
    }
}

#[test]
fn live_nodes_are_there_when_they_were_collected() {
    let mut tree = Tree::default();
    tree.mount(live_object()).unwrap();
    let still = [".", "./Diag", "./Diag/Data", "./Diag/Start", "./Diag/Title"];
    assert_eq!(names(&tree, Snapshot::empty()), still);
    let mut live = Snapshot::default();
    live.leaf(uri("Diag/Data/Free"), "7");
    live.leaf(uri("Diag/Data/eth0/Up"), "true");
    live.leaf(uri("Diag/Data/eth0/Unknown"), "x");
    live.leaf(uri("Other"), "x");
    let seen = names(&tree, &live);
    assert_eq!(
        seen[2..6],
        [
            "./Diag/Data",
            "./Diag/Data/Free",
            "./Diag/Data/eth0",
            "./Diag/Data/eth0/Up"
        ]
    );
    assert_eq!(seen.len(), 8);
}

#[test]
fn only_the_live_parts_that_commands_need_are_collected() {
    let mut tree = Tree::default();
    tree.mount(live_object()).unwrap();
    tree.describe(&ddf("test.xml", vendor())).unwrap();
    let roots = |wanted: &[&str]| {
        let wanted: Vec<_> = wanted.iter().map(|text| address(text)).collect();
        let roots = tree.live_roots(&wanted);
        roots.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(
        roots(&[".", "./Diag/Title", "./Vendor?list=Struct", "./Nowhere"]),
        none
    );
    assert_eq!(roots(&["./Diag"]), ["./Diag/Data"]);
    assert_eq!(
        roots(&["./Diag/Data/Free", "./Vendor/Lamp"]),
        ["./Diag/Data/Free"]
    );
    assert_eq!(
        roots(&["./Diag/Data/eth0/Up?prop=Size"]),
        ["./Diag/Data/eth0/Up"]
    );
    assert_eq!(roots(&[".?list=StructData"]), ["./Diag/Data"]);
    assert_eq!(
        roots(&["./Diag/Data/Free", "./Diag/Data", "./Diag/Data/eth0"]),
        ["./Diag/Data"]
    );
    assert_eq!(roots(&[".?prop=ACL"]), none);
}

#[test]
fn each_object_collects_its_own_part() {
    let mut tree = Tree::default();
    tree.mount(live_object()).unwrap();
    let other = leaf("Clock", "g", Format::Chr).permanent();
    tree.mount(Box::new(Plain {
        ddf: ddf("clock.xml", vec![other]),
        live: vec!["./Clock".to_owned()],
    }))
    .unwrap();
    let live = tree.collect(&[uri("Diag/Data/Free"), uri("Clock"), uri("Nowhere")]);
    let seen: Vec<_> = live
        .iter()
        .map(|(uri, node)| (uri.to_string(), node.clone()))
        .collect();
    let value = |text: &str| crate::LiveNode::Leaf(Ok(text.into()));
    assert_eq!(
        seen,
        [
            ("./Clock".to_owned(), value("clock.xml")),
            ("./Diag/Data/Free".to_owned(), value("diag.xml"))
        ]
    );
}

#[test]
fn stored_nodes_that_nobody_describes_are_kept_out_of_sight() {
    let mut bench = Bench::new(vendor());
    let chr = |text: &str| Node::leaf(Format::Chr, text.into());
    bench.tree.load([
        (uri("Vendor/Lamp"), Node::leaf(Format::Bool, "true".into())),
        (uri("Vendor/Items/1"), Node::interior()),
        (uri("Vendor/Items/1/Name"), chr("one")),
        (uri("Vendor/Items/1/Kind"), chr("one")),
        (uri("Vendor/Items/2/Name"), chr("two")),
        (uri("Vendor/Old"), chr("old")),
        (uri("Vendor/Items/1/Name/Deep"), chr("deep")),
    ]);
    assert_eq!(
        names(&bench.tree, Snapshot::empty()),
        [
            ".",
            "./Vendor",
            "./Vendor/Items",
            "./Vendor/Items/1",
            "./Vendor/Items/1/Name",
            "./Vendor/Lamp"
        ]
    );
    let kept: Vec<_> = bench
        .tree
        .quarantine()
        .iter()
        .map(|(uri, kept)| (uri.to_string(), kept.reason))
        .collect();
    assert_eq!(
        kept,
        [
            ("./Vendor/Items/1/Kind".to_owned(), QuarantineReason::Format),
            (
                "./Vendor/Items/1/Name/Deep".to_owned(),
                QuarantineReason::NotDescribed
            ),
            ("./Vendor/Items/2/Name".to_owned(), QuarantineReason::Orphan),
            ("./Vendor/Old".to_owned(), QuarantineReason::NotDescribed),
        ]
    );
    // The place is free for a node that is described; with its parent gone, the kept one goes too.
    let kind = Content::text("2");
    assert_eq!(bench.add("", "./Vendor/Items/1/Kind", &kind), Ok(()));
    bench.commit();
    assert!(
        !bench
            .tree
            .quarantine()
            .contains_key(&uri("Vendor/Items/1/Kind"))
    );
    assert_eq!(bench.delete("", "./Vendor/Items/1"), Ok(()));
    bench.commit();
    assert_eq!(bench.tree.quarantine().len(), 2);
}

#[test]
fn values_that_do_not_fit_their_description_any_more_are_kept_out_of_sight() {
    let mut bench = Bench::new(vec![leaf("N", "gr", Format::Int)]);
    bench
        .tree
        .load([(uri("N"), Node::leaf(Format::Int, "many".into()))]);
    assert_eq!(
        bench.tree.quarantine()[&uri("N")].reason,
        QuarantineReason::Format
    );
}

#[test]
fn rights_outlive_a_value_that_is_kept_out_of_sight() {
    let lamp = leaf("Lamp", "gr", Format::Int).permanent();
    let clock = leaf("Clock", "g", Format::Int);
    let mut tree = Tree::default();
    tree.describe(&ddf("lamp.xml", vec![lamp])).unwrap();
    tree.mount(Box::new(Plain {
        ddf: ddf("clock.xml", vec![clock]),
        live: vec!["./Clock".to_owned()],
    }))
    .unwrap();
    let old = |value: &str| Node {
        acl: Acl::parse("Get=A").unwrap(),
        ..Node::leaf(Format::Chr, value.into())
    };
    tree.load([(uri("Lamp"), old("on")), (uri("Clock"), old("noon"))]);
    assert_eq!(tree.quarantine().len(), 2);
    let mut bench = Bench::on(tree);
    bench.live.leaf(uri("Clock"), "12");
    for (at, value) in [("./Lamp", ""), ("./Clock", "12")] {
        assert_eq!(bench.get("A", at), Ok(value.into()), "{at}");
        assert_eq!(
            bench.get("B", at),
            Err(StatusCode::PERMISSION_DENIED),
            "{at}"
        );
    }
}

#[test]
fn the_tree_knows_how_full_it_is() {
    let limits = TreeLimits {
        nodes: 6,
        bytes: 100,
        value: 60,
        ..TreeLimits::default()
    };
    let mut tree = Tree::new(limits);
    tree.describe(&ddf("test.xml", vec![leaf("*", "adgr", Format::Chr)]))
        .unwrap();
    let mut bench = Bench::on(tree);
    let long = "x".repeat(60);
    assert_eq!(bench.add("S", "./a", &Content::text(&long)), Ok(()));
    assert_eq!(
        bench.add("S", "./b", &Content::text(&long)),
        Err(StatusCode::DEVICE_FULL)
    );
    assert_eq!(bench.replace("", "./a", "short"), Ok(()));
    assert_eq!(bench.add("S", "./b", &Content::text(&long)), Ok(()));
    assert_eq!(
        bench.replace("", "./a", &long),
        Err(StatusCode::DEVICE_FULL)
    );
    assert_eq!(bench.get("S", "./a"), Ok("short".into()));
    bench.commit();
    for name in ["./c", "./d", "./e"] {
        assert_eq!(bench.add("S", name, &Content::default()), Ok(()), "{name}");
    }
    assert_eq!(
        bench.add("S", "./f", &Content::default()),
        Err(StatusCode::DEVICE_FULL)
    );
    assert_eq!(bench.delete("", "./b"), Ok(()));
    bench.commit();
    assert_eq!(bench.add("S", "./f", &Content::text(&long)), Ok(()));
}

#[test]
fn a_server_that_is_gone_is_in_no_list() {
    let mut bench = Bench::new(vendor());
    assert_eq!(
        bench.replace("", ".?prop=ACL", "Add=A&Get=*&Replace=A"),
        Ok(())
    );
    assert_eq!(
        bench.replace("", "./Vendor?prop=ACL", "Get=A&Replace=A"),
        Ok(())
    );
    assert_eq!(
        bench.replace("", "./Vendor/Lamp?prop=ACL", "Get=A+B"),
        Ok(())
    );
    bench.commit();
    let writes = bench.tree.without_server("A");
    assert_eq!(writes.len(), 3);
    bench.tree.apply(&writes);
    assert_eq!(bench.get("", ".?prop=ACL"), Ok("Add=*&Get=*".into()));
    assert_eq!(bench.get("", "./Vendor?prop=ACL"), Ok(String::new()));
    assert_eq!(bench.get("", "./Vendor/Lamp?prop=ACL"), Ok("Get=B".into()));
    assert_eq!(bench.tree.without_server("A"), []);
}

/// Refuses one value, and asks for an effect while a leaf has another one.
struct Picky(Ddf);

impl ManagementObject for Picky {
    fn ddf(&self) -> &Ddf {
        &self.0
    }

    fn validate(&self, change: &Change<'_>, _: &View<'_>) -> Result<(), StatusCode> {
        match change {
            Change::Replace { node, .. } if node.value == "13".into() => Err(StatusCode::FORBIDDEN),
            Change::Delete { .. } => Err(StatusCode::RETRY_LATER),
            _ => Ok(()),
        }
    }

    fn reconcile(&mut self, tree: &View<'_>, _: Now) -> Vec<Effect> {
        let at = uri("N");
        let value = tree.node(&at).and_then(|node| node.value().ok());
        let effect = value.filter(|value| !value.is_empty()).map(|value| Effect {
            action: "set".to_owned(),
            uri: at,
            argument: value.as_bytes().cloned().unwrap_or_default(),
        });
        effect.into_iter().collect()
    }
}

#[test]
fn objects_may_refuse_changes_and_ask_for_effects() {
    let now = crate::fixture::NOW;
    let mut tree = Tree::default();
    tree.mount(Box::new(Picky(ddf(
        "n.xml",
        vec![leaf("N", "adgr", Format::Chr)],
    ))))
    .unwrap();
    assert_eq!(tree.reconcile(now), []);
    let mut bench = Bench::on(tree);
    assert_eq!(bench.add("", "./N", &Content::text("1")), Ok(()));
    assert_eq!(bench.replace("", "./N", "13"), Err(StatusCode::FORBIDDEN));
    assert_eq!(bench.replace("", "./N", "14"), Ok(()));
    assert_eq!(bench.delete("", "./N"), Err(StatusCode::RETRY_LATER));
    bench.commit();
    let effects = bench.tree.reconcile(now);
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].argument.as_ref(), b"14");
}

#[test]
fn versions_and_times_follow_the_changes_of_stored_nodes() {
    let mut bench = Bench::new(vendor());
    assert_eq!(bench.replace("", "./Vendor/Lamp", "true"), Ok(()));
    assert_eq!(bench.get("S", "./Vendor/Lamp?prop=VerNo"), Ok("1".into()));
    assert_eq!(
        bench.get("S", "./Vendor/Lamp?prop=TStamp"),
        Ok("20010711T163817Z".into())
    );
    let node = Node {
        verno: u16::MAX,
        tstamp: Some(Wall(Duration::ZERO)),
        ..Node::leaf(Format::Bool, "true".into())
    };
    bench.tree.load([(uri("Vendor/Lamp"), node)]);
    bench.overlay = Overlay::new();
    assert_eq!(
        bench.replace("", "./Vendor/Lamp?prop=Title", "Lamp"),
        Ok(())
    );
    assert_eq!(bench.get("S", "./Vendor/Lamp?prop=VerNo"), Ok("0".into()));
    let stamp = bench.get("S", "./Vendor/Lamp?prop=TStamp");
    assert_eq!(stamp, Ok("20010711T163817Z".into()));
    assert_eq!(bench.replace("", "./Vendor/Lamp?prop=ACL", "Get=*"), Ok(()));
    assert_eq!(bench.get("S", "./Vendor/Lamp?prop=VerNo"), Ok("1".into()));
}

#[test]
fn without_a_plausible_clock_no_time_is_claimed() {
    let mut bench = Bench::new(vendor());
    assert_eq!(bench.replace("", "./Vendor/Lamp", "true"), Ok(()));
    let now = Now {
        wall: None,
        ..crate::fixture::NOW
    };
    let lamp = address("./Vendor/Lamp");
    let content = Content::text("false");
    let by = crate::Authority::Local;
    crate::operation::replace(&mut bench.edit(), by, &lamp, &content, now).unwrap();
    assert_eq!(
        bench.get("S", "./Vendor/Lamp?prop=TStamp"),
        Ok(String::new())
    );
    assert_eq!(bench.get("S", "./Vendor/Lamp?prop=VerNo"), Ok("2".into()));
}
