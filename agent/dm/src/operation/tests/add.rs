use crate::ddf::Occurrence;
use crate::fixture::{Bench, dir, leaf};
use crate::{Content, Tree, TreeLimits};
use omadm_syncml::{Format, StatusCode};

fn typed(format: &str, type_: &str, text: &str) -> Content {
    Content {
        format: Format::parse(format),
        type_: (!type_.is_empty()).then(|| type_.into()),
        value: Some(text.into()),
    }
}

fn bench() -> Bench {
    let item = dir(
        "*",
        "adgr",
        vec![
            leaf("Count", "adgr", Format::Int),
            leaf("Raw", "adgr", Format::Bin),
            leaf("Picture", "adgr", Format::Bin).of_types(&["image/png", "image/jpeg"]),
            leaf("Fixed", "gr", Format::Chr),
            leaf("Built", "agr", Format::Chr)
                .permanent()
                .occurs(Occurrence::ZeroOrOne),
            dir("Sub", "adg", vec![leaf("Deep", "adgr", Format::Chr)]),
            dir("Sealed", "g", vec![leaf("Deep", "adgr", Format::Chr)]),
        ],
    );
    Bench::new(vec![
        dir("Top", "g", vec![item.occurs(Occurrence::ZeroOrN(2))]).permanent(),
    ])
}

/// What is refused below a node that exists.
fn refused() -> Vec<(&'static str, Content, StatusCode)> {
    vec![
        (".", Content::interior(), StatusCode::ALREADY_EXISTS),
        ("./Top", Content::interior(), StatusCode::ALREADY_EXISTS),
        ("./Top/1", Content::text("x"), StatusCode::ALREADY_EXISTS),
        (
            "./Top?prop=Title",
            Content::text("x"),
            StatusCode::NOT_ALLOWED,
        ),
        ("./Nowhere", Content::text("x"), StatusCode::NOT_ALLOWED),
        ("./Top/1/Other", Content::text("x"), StatusCode::NOT_ALLOWED),
        ("./Top/1/Fixed", Content::text("x"), StatusCode::NOT_ALLOWED),
        ("./Top/1/Built", Content::text("x"), StatusCode::NOT_ALLOWED),
        (
            "./Top/1/Sealed/Deep",
            Content::text("x"),
            StatusCode::NOT_ALLOWED,
        ),
        (
            "./Top/1/Count",
            Content::text("x"),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Count",
            typed("chr", "", "1"),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Count",
            typed("node", "", ""),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Count",
            typed("int", "image/png", "1"),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Raw",
            typed("b64", "", "?"),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Sub",
            typed("chr", "", ""),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Sub",
            typed("node", "", "x"),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
        (
            "./Top/1/Picture",
            typed("b64", "image/gif", "AA=="),
            StatusCode::UNSUPPORTED_FORMAT,
        ),
    ]
}

#[test]
fn checks_are_made_in_order() {
    let mut bench = bench();
    assert_eq!(bench.add("S", "./Top/1", &Content::interior()), Ok(()));
    for (at, content, expected) in refused() {
        assert_eq!(
            bench.add("S", at, &content),
            Err(expected),
            "{at} {content:?}"
        );
    }
    // A stranger meets the description before the ACL, and the ACL before the value.
    assert_eq!(
        bench.add("T", "./Top/1/Fixed", &Content::text("x")),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(
        bench.add("T", "./Top/1/Count", &Content::text("x")),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(bench.get("S", "./Top/1"), Ok(String::new()));
}

#[test]
fn values_arrive_in_their_formats() {
    let mut bench = bench();
    assert_eq!(
        bench.add("S", "./Top/1/Count", &typed("int", "text/plain", "-7")),
        Ok(())
    );
    assert_eq!(
        bench.add("S", "./Top/1/Picture", &typed("b64", "image/jpeg", "/wA=B")),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
    assert_eq!(
        bench.add(
            "S",
            "./Top/1/Picture",
            &typed("b64", "image/jpeg", "/w A\nB")
        ),
        Ok(())
    );
    assert_eq!(bench.get("S", "./Top/1/Picture?prop=Size"), Ok("3".into()));
    assert_eq!(
        bench.get("S", "./Top/1/Picture?prop=Type"),
        Ok("image/jpeg".into())
    );
    assert_eq!(bench.replace("S", "./Top/1/Picture", "x"), Ok(()));
    assert_eq!(
        bench.get("S", "./Top/1/Picture?prop=Type"),
        Ok("image/jpeg".into())
    );
    assert_eq!(
        bench.get("S", "./Top/1/Count?prop=Type"),
        Ok("text/plain".into())
    );
}

#[test]
fn missing_interior_nodes_are_added_with_the_node() {
    let mut bench = bench();
    assert_eq!(
        bench.add("S", "./Top/1/Sub/Deep", &Content::text("x")),
        Ok(())
    );
    assert_eq!(bench.get("S", "./Top/1"), Ok("Sub".into()));
    // Nothing stays behind when the node itself cannot be added.
    assert_eq!(
        bench.add("S", "./Top/2/Count", &Content::text("x")),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
    assert_eq!(bench.get("S", "./Top/2"), Err(StatusCode::NOT_FOUND));
    assert_eq!(bench.add("S", "./Top/1/Count", &Content::text("1")), Ok(()));
    assert_eq!(
        bench.add("S", "./Top/1/Count/Deep", &Content::text("1")),
        Err(StatusCode::NOT_ALLOWED)
    );
}

#[test]
fn no_more_nodes_than_the_description_says() {
    let mut bench = bench();
    assert_eq!(bench.add("S", "./Top/1", &Content::interior()), Ok(()));
    assert_eq!(bench.add("S", "./Top/2/Count", &Content::text("1")), Ok(()));
    assert_eq!(
        bench.add("S", "./Top/3", &Content::interior()),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(
        bench.add("S", "./Top/3/Count", &Content::text("1")),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(bench.delete("", "./Top/1"), Ok(()));
    assert_eq!(bench.add("S", "./Top/3", &Content::interior()), Ok(()));
}

#[test]
fn children_with_default_values_come_with_their_parent() {
    let account = dir(
        "*",
        "adg",
        vec![
            leaf("AppID", "g", Format::Chr).with_default("w7"),
            leaf("Name", "agr", Format::Chr),
            leaf("Pref", "agr", Format::Chr)
                .with_default("x")
                .occurs(Occurrence::ZeroOrOne),
            dir(
                "Addr",
                "g",
                vec![leaf("Type", "gr", Format::Chr).with_default("URI")],
            ),
            dir("Other", "g", vec![leaf("Type", "gr", Format::Chr)]),
            dir("Log", "g", vec![leaf("Size", "g", Format::Int).permanent()]).permanent(),
        ],
    );
    let mut bench = Bench::new(vec![dir("Acc", "g", vec![account]).permanent()]);
    assert_eq!(bench.add("S", "./Acc/1/Name", &Content::text("n")), Ok(()));
    assert_eq!(
        bench.list("S", "./Acc/1?list=StructData").unwrap(),
        [
            "./Acc/1 node",
            "./Acc/1/Addr node",
            "./Acc/1/Addr/Type chr URI",
            "./Acc/1/AppID chr w7",
            "./Acc/1/Log node",
            "./Acc/1/Log/Size int ",
            "./Acc/1/Name chr n",
        ]
    );
    // A leaf added without a value gets the default; one added with an empty value does not.
    let none = Content::default();
    assert_eq!(bench.add("S", "./Acc/1/Pref", &none), Ok(()));
    assert_eq!(bench.get("S", "./Acc/1/Pref"), Ok("x".into()));
    assert_eq!(bench.add("S", "./Acc/2/Pref", &Content::text("")), Ok(()));
    assert_eq!(bench.get("S", "./Acc/2/Pref"), Ok(String::new()));
}

#[test]
fn the_format_chooses_between_nameless_descriptions() {
    let free = vec![
        leaf("*", "adgr", Format::Int),
        leaf("*", "adgr", Format::Bin),
        leaf("*", "adgr", Format::Chr),
        dir("*", "adgr", vec![leaf("*", "adgr", Format::Chr)]),
    ];
    let mut bench = Bench::new(vec![dir("Ext", "g", free).permanent()]);
    for (at, format, text) in [
        ("./Ext/i", "int", "1"),
        ("./Ext/r", "b64", "AAA="),
        ("./Ext/c", "", "x"),
        ("./Ext/n", "node", ""),
    ] {
        assert_eq!(bench.add("", at, &typed(format, "", text)), Ok(()), "{at}");
    }
    assert_eq!(
        bench.add("", "./Ext/m/leaf", &Content::text("deep")),
        Ok(())
    );
    assert_eq!(
        bench.add("", "./Ext/i/leaf", &Content::text("deep")),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(
        bench.add("", "./Ext/f", &typed("float", "", "1")),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
    bench.commit();
    assert!(bench.tree.quarantine().is_empty());
    let formats: Vec<_> = bench.list("S", "./Ext?list=Struct").unwrap();
    assert_eq!(
        formats[1..],
        [
            "./Ext/c chr",
            "./Ext/i int",
            "./Ext/m node",
            "./Ext/m/leaf chr",
            "./Ext/n node",
            "./Ext/r bin"
        ]
    );
    assert_eq!(
        bench.replace("", "./Ext/i", "x"),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
    assert_eq!(bench.replace("", "./Ext/i?prop=Name", "j"), Ok(()));
    assert_eq!(bench.get("S", "./Ext/j?prop=Format"), Ok("int".into()));
}

#[test]
fn values_larger_than_the_tree_takes_are_refused() {
    let mut tree = Tree::new(TreeLimits {
        value: 4,
        ..TreeLimits::default()
    });
    let nodes = vec![leaf("*", "agr", Format::Chr), leaf("*", "agr", Format::Bin)];
    tree.describe(&crate::fixture::ddf("t.xml", nodes)).unwrap();
    let mut bench = Bench::on(tree);
    assert_eq!(bench.add("S", "./a", &Content::text("1234")), Ok(()));
    assert_eq!(
        bench.add("S", "./b", &Content::text("12345")),
        Err(StatusCode::TOO_LARGE)
    );
    assert_eq!(
        bench.replace("", "./a", "12345"),
        Err(StatusCode::TOO_LARGE)
    );
    // What counts is the value, not how it travels.
    assert_eq!(bench.add("S", "./c", &typed("b64", "", "AAAAAA==")), Ok(()));
}

#[test]
fn a_type_is_no_place_for_data() {
    let mut bench = Bench::new(vec![leaf("*", "adgr", Format::Chr)]);
    let with_parameter = |length: usize| {
        let parameter = "x".repeat(length);
        typed("chr", &format!("text/plain;p={parameter}"), "v")
    };
    assert_eq!(bench.add("S", "./a", &with_parameter(200)), Ok(()));
    assert_eq!(
        bench.add("S", "./b", &with_parameter(300)),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
}
