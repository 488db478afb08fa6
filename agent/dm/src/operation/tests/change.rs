use crate::fixture::{Bench, address, dir, leaf, uri};
use crate::{Authority, Content, NodeWrite, Tree, TreeLimits, operation};
use omadm_syncml::{Format, StatusCode};

fn bench() -> Bench {
    let item = dir(
        "*",
        "adgr",
        vec![
            leaf("Name", "adgr", Format::Chr),
            leaf("Const", "ag", Format::Chr),
            leaf("Hidden", "ar", Format::Chr),
            leaf("Count", "adgr", Format::Int),
        ],
    );
    let top = dir(
        "Top",
        "gr",
        vec![item, leaf("Fixed", "gr", Format::Chr).permanent()],
    )
    .permanent();
    let mut bench = Bench::new(vec![top]);
    assert_eq!(
        bench.replace("", "./Top?prop=ACL", "Add=S&Get=*&Replace=S&Delete=S"),
        Ok(())
    );
    for (at, text) in [
        ("Name", "n"),
        ("Const", "c"),
        ("Hidden", "h"),
        ("Count", "1"),
    ] {
        assert_eq!(
            bench.add("S", &format!("./Top/a/{at}"), &Content::text(text)),
            Ok(())
        );
    }
    bench.commit();
    bench
}

#[test]
fn replace_checks_in_order() {
    let mut bench = bench();
    for (by, at, text, expected) in [
        ("S", "./Top/b/Name", "x", StatusCode::NOT_FOUND),
        ("S", "./Top/a", "x", StatusCode::NOT_ALLOWED),
        ("S", "./Top/a/Const", "x", StatusCode::NOT_ALLOWED),
        ("T", "./Top/a/Const", "x", StatusCode::NOT_ALLOWED),
        ("T", "./Top/a/Count", "x", StatusCode::PERMISSION_DENIED),
        ("S", "./Top/a/Count", "x", StatusCode::UNSUPPORTED_FORMAT),
        (
            "S",
            "./Top/a/Count?prop=Format",
            "chr",
            StatusCode::NOT_ALLOWED,
        ),
        (
            "S",
            "./Top/a/Count?prop=VerNo",
            "1",
            StatusCode::NOT_ALLOWED,
        ),
        (
            "S",
            "./Top/a/Count?prop=TStamp",
            "1",
            StatusCode::NOT_ALLOWED,
        ),
        ("S", "./Top/a/Count?prop=Type", "1", StatusCode::NOT_ALLOWED),
        ("S", "./Top/a?prop=Size", "1", StatusCode::NOT_SUPPORTED),
        ("S", "./Top/a?prop=Colour", "1", StatusCode::NOT_SUPPORTED),
        ("S", "./Top/a?list=Struct", "1", StatusCode::NOT_ALLOWED),
        ("S", "./Top/b?prop=Colour", "1", StatusCode::NOT_FOUND),
        ("S", "./Top/b?prop=ACL", "", StatusCode::NOT_FOUND),
        (
            "T",
            "./Top/a?prop=Title",
            "x",
            StatusCode::PERMISSION_DENIED,
        ),
    ] {
        assert_eq!(bench.replace(by, at, text), Err(expected), "{by} {at}");
    }
    assert!(bench.overlay.is_empty());
    assert_eq!(bench.replace("S", "./Top/Fixed", "x"), Ok(()));
    assert_eq!(bench.replace("S", "./Top/a/Hidden", "x"), Ok(()));
}

#[test]
fn titles_are_short_texts() {
    let mut bench = bench();
    assert_eq!(
        bench.replace("S", "./Top/a?prop=Title", &"é".repeat(127)),
        Ok(())
    );
    assert_eq!(
        bench.replace("S", "./Top/a?prop=Title", &"é".repeat(128)),
        Err(StatusCode::TOO_LARGE)
    );
    assert_eq!(bench.replace("S", "./Top/a?prop=Title", ""), Ok(()));
    assert_eq!(bench.get("S", "./Top/a?prop=Title"), Ok(String::new()));
    let octets = Content {
        format: Some(Format::Bin),
        ..Content::text("x")
    };
    let title = address("./Top/a?prop=Title");
    let done = operation::replace(
        &mut bench.edit(),
        Authority::Local,
        &title,
        &octets,
        crate::fixture::NOW,
    );
    assert_eq!(done, Err(StatusCode::UNSUPPORTED_FORMAT));
}

#[test]
fn a_rename_moves_the_subtree() {
    let mut bench = bench();
    assert_eq!(bench.add("S", "./Top/b", &Content::interior()), Ok(()));
    assert_eq!(bench.replace("S", "./Top/a/Name", "new"), Ok(()));
    for (by, at, name, expected) in [
        ("S", "./Top/a", "b", StatusCode::ALREADY_EXISTS),
        ("S", "./Top/a", "x/y", StatusCode::UNSUPPORTED_FORMAT),
        ("S", "./Top/a", "", StatusCode::UNSUPPORTED_FORMAT),
        ("S", "./Top/a", "Fixed", StatusCode::NOT_ALLOWED),
        ("S", "./Top/a/Name", "Other", StatusCode::NOT_ALLOWED),
        ("S", "./Top", "Other", StatusCode::NOT_ALLOWED),
        ("S", "./Top/Fixed", "Other", StatusCode::NOT_ALLOWED),
        ("", ".", "Other", StatusCode::NOT_ALLOWED),
        ("S", "./Top/z", "Other", StatusCode::NOT_FOUND),
        ("T", "./Top/a", "Other", StatusCode::PERMISSION_DENIED),
    ] {
        let at = format!("{at}?prop=Name");
        assert_eq!(
            bench.replace(by, &at, name),
            Err(expected),
            "{by} {at} {name}"
        );
    }
    let long = "x".repeat(256);
    assert_eq!(
        bench.replace("S", "./Top/a?prop=Name", &long),
        Err(StatusCode::URI_TOO_LONG)
    );
    assert_eq!(bench.replace("S", "./Top/a?prop=Name", "c d"), Ok(()));
    assert_eq!(bench.get("S", "./Top/a"), Err(StatusCode::NOT_FOUND));
    assert_eq!(bench.get("S", "./Top/c d/Name"), Ok("new".into()));
    assert_eq!(bench.get("S", "./Top"), Ok("Fixed/b/c%20d".into()));
    assert_eq!(bench.get("S", "./Top/c d?prop=VerNo"), Ok("1".into()));
    assert_eq!(bench.get("S", "./Top/c d/Const?prop=VerNo"), Ok("0".into()));
    assert_eq!(bench.replace("S", "./Top/c d?prop=Name", "c d"), Ok(()));
    bench.commit();
    assert_eq!(bench.get("S", "./Top"), Ok("Fixed/b/c%20d".into()));
    assert_eq!(bench.get("S", "./Top/c d/Name"), Ok("new".into()));
}

/// `./Top/<X>/<X>` in a tree with these limits, and ten leaves below `./Top/a`.
fn filled(limits: TreeLimits) -> Bench {
    let any = dir("*", "adgr", vec![leaf("*", "adgr", Format::Chr)]);
    let mut tree = Tree::new(limits);
    let nodes = vec![dir("Top", "g", vec![any]).permanent()];
    tree.describe(&crate::fixture::ddf("t.xml", nodes)).unwrap();
    let mut bench = Bench::on(tree);
    for id in 0..10 {
        let leaf = format!("./Top/a/{id}");
        assert_eq!(bench.add("", &leaf, &Content::text("x")), Ok(()));
    }
    bench.commit();
    bench
}

#[test]
fn a_transaction_touches_only_so_many_nodes() {
    let mut bench = filled(TreeLimits {
        changes: 100,
        ..TreeLimits::default()
    });
    let full = Err(StatusCode::DEVICE_FULL);
    let names = ["a", "b", "a", "b", "a"];
    for pair in names.windows(2).take(3) {
        let at = format!("./Top/{}?prop=Name", pair[0]);
        assert_eq!(bench.replace("", &at, pair[1]), Ok(()), "{pair:?}");
    }
    assert_eq!(bench.replace("", "./Top/b?prop=Name", "a"), Ok(()));
    assert_eq!(bench.replace("", "./Top/a?prop=Name", "b"), full);
    assert_eq!(bench.replace("", "./Top/a/0", "y"), full);
    assert_eq!(bench.delete("", "./Top/a/0"), full);
    assert_eq!(bench.add("", "./Top/a/new", &Content::text("y")), full);
    bench.commit();
    // What fails is work as well.
    let taken = "./Top/a?prop=Name";
    assert_eq!(bench.add("", "./Top/b", &Content::interior()), Ok(()));
    for _ in 0..9 {
        assert_eq!(
            bench.replace("", taken, "b"),
            Err(StatusCode::ALREADY_EXISTS)
        );
    }
    assert_eq!(bench.replace("", taken, "b"), full);
}

#[test]
fn a_rename_fills_the_storage_like_any_change() {
    let mut bench = filled(TreeLimits {
        bytes: 200,
        ..TreeLimits::default()
    });
    let at = "./Top/a?prop=Name";
    let before = bench.list("", "./Top?list=StructData");
    assert_eq!(
        bench.replace("", at, &"n".repeat(100)),
        Err(StatusCode::DEVICE_FULL)
    );
    assert_eq!(bench.list("", "./Top?list=StructData"), before);
    assert!(bench.overlay.is_empty());
    assert_eq!(bench.replace("", at, "b"), Ok(()));
}

#[test]
fn delete_checks_in_order() {
    let mut bench = bench();
    for (by, at, expected) in [
        ("S", "./Top/b", StatusCode::NOT_FOUND),
        ("", ".", StatusCode::NOT_ALLOWED),
        ("", "./Top", StatusCode::NOT_ALLOWED),
        ("", "./Top/Fixed", StatusCode::NOT_ALLOWED),
        ("S", "./Top/a/Const", StatusCode::NOT_ALLOWED),
        ("T", "./Top/a/Const", StatusCode::NOT_ALLOWED),
        ("S", "./Top/a?prop=ACL", StatusCode::NOT_ALLOWED),
        ("T", "./Top/a", StatusCode::PERMISSION_DENIED),
    ] {
        assert_eq!(bench.delete(by, at), Err(expected), "{by} {at}");
    }
    // A leaf that cannot be deleted goes with its parent all the same.
    assert_eq!(bench.delete("S", "./Top/a"), Ok(()));
    assert_eq!(bench.get("S", "./Top"), Ok("Fixed".into()));
    assert_eq!(bench.delete("S", "./Top/a"), Err(StatusCode::NOT_FOUND));
}

#[test]
fn writes_can_be_applied_in_their_order() {
    let mut bench = bench();
    assert_eq!(bench.delete("S", "./Top/a"), Ok(()));
    assert_eq!(
        bench.add("S", "./Top/a/Name", &Content::text("again")),
        Ok(())
    );
    assert_eq!(bench.add("S", "./Top/gone", &Content::interior()), Ok(()));
    assert_eq!(bench.delete("S", "./Top/gone"), Ok(()));
    let writes = std::mem::take(&mut bench.overlay).into_writes();
    let lines: Vec<_> = writes
        .iter()
        .map(|write| match write {
            NodeWrite::Put { uri, .. } => format!("put {uri}"),
            NodeWrite::Delete { uri } => format!("delete {uri}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            "delete ./Top/a/Const",
            "delete ./Top/a/Count",
            "delete ./Top/a/Hidden",
            "put ./Top/a",
            "put ./Top/a/Name"
        ]
    );
    bench.tree.apply(&writes);
    assert_eq!(
        bench.list("S", "./Top/a?list=StructData").unwrap(),
        ["./Top/a node", "./Top/a/Name chr again"]
    );
}

#[test]
fn copy_reads_one_leaf_and_writes_another() {
    let mut bench = bench();
    assert_eq!(
        bench.add("S", "./Top/b/Name", &Content::text("old")),
        Ok(())
    );
    for (by, from, to, expected) in [
        ("S", "./Top/z/Name", "./Top/b/Name", StatusCode::NOT_FOUND),
        (
            "S",
            "./Top/a/Hidden",
            "./Top/b/Name",
            StatusCode::NOT_ALLOWED,
        ),
        ("S", "./Top/a", "./Top/b", StatusCode::FORBIDDEN),
        ("S", "./Top/a", "./Top/c", StatusCode::FORBIDDEN),
        ("S", "./Top/a/Name", "./Top/b", StatusCode::FORBIDDEN),
        (
            "S",
            "./Top/a/Name",
            "./Top/a/Const",
            StatusCode::NOT_ALLOWED,
        ),
        ("S", "./Top/a/Name", "./Top/a/Count", StatusCode::FORBIDDEN),
        ("S", "./Top/a/Name", "./Nowhere", StatusCode::NOT_ALLOWED),
        (
            "S",
            "./Top/a/Name?prop=Title",
            "./Top/b/Name",
            StatusCode::NOT_ALLOWED,
        ),
        (
            "S",
            "./Top/a/Name",
            "./Top/b/Name?prop=Title",
            StatusCode::NOT_ALLOWED,
        ),
        (
            "T",
            "./Top/a/Name",
            "./Top/b/Name",
            StatusCode::PERMISSION_DENIED,
        ),
    ] {
        assert_eq!(bench.copy(by, from, to), Err(expected), "{by} {from} {to}");
    }
    // To write a leaf that everyone reads is no way around the list of another.
    let acl = "./Top/a/Name?prop=ACL";
    assert_eq!(bench.replace("", acl, "Get=T&Replace=S"), Ok(()));
    assert_eq!(
        bench.copy("S", "./Top/a/Name", "./Top/b/Name"),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(bench.replace("", acl, ""), Ok(()));
    assert_eq!(bench.copy("S", "./Top/a/Name", "./Top/b/Name"), Ok(()));
    assert_eq!(bench.get("S", "./Top/b/Name"), Ok("n".into()));
    assert_eq!(bench.copy("S", "./Top/a/Count", "./Top/c/Count"), Ok(()));
    assert_eq!(bench.get("S", "./Top/c/Count"), Ok("1".into()));
    assert!(bench.view().node(&uri("Top/a/Name")).is_some());
}

#[test]
fn savepoints_nest() {
    let mut bench = bench();
    let before = bench.list("", ".?list=StructData");
    let outer = bench.overlay.savepoint();
    assert_eq!(bench.replace("S", "./Top/a/Name", "1"), Ok(()));
    let inner = bench.overlay.savepoint();
    assert_eq!(bench.delete("S", "./Top/a"), Ok(()));
    assert_eq!(bench.add("S", "./Top/a", &Content::interior()), Ok(()));
    bench.overlay.rollback_to(inner);
    assert_eq!(bench.get("S", "./Top/a/Name"), Ok("1".into()));
    bench.overlay.rollback_to(outer);
    assert_eq!(bench.list("", ".?list=StructData"), before);
    assert_eq!(bench.overlay.clone().into_writes(), []);
}
