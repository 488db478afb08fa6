//! The worked example of OMA-TS-DM_TND 7.7.1 and the rules around it.

use crate::ddf::Occurrence;
use crate::fixture::{Bench, dir, leaf, uri};
use crate::{Acl, Content, Right};
use omadm_syncml::{Format, StatusCode};

const DENIED: Result<(), StatusCode> = Err(StatusCode::PERMISSION_DENIED);

/// The tree of the specification's figure.
fn figure() -> Bench {
    let value = |name| leaf(name, "acdgr", Format::Chr).permanent();
    let group = |name, children| dir(name, "gr", children).permanent();
    let deletable = |name, access| leaf(name, access, Format::Chr).occurs(Occurrence::One);
    let mut bench = Bench::new(vec![
        group("NodeA", vec![deletable("Node1", "adgr")]),
        group(
            "NodeB",
            vec![
                value("Node2"),
                dir(
                    "Node3",
                    "adgr",
                    vec![deletable("Node4", "adgr"), deletable("Node5", "adgr")],
                ),
            ],
        ),
        group("NodeC", vec![]),
    ]);
    for added in [
        "./NodeA/Node1",
        "./NodeB/Node3/Node4",
        "./NodeB/Node3/Node5",
    ] {
        assert_eq!(
            bench.add("", added, &Content::text("old")),
            Ok(()),
            "{added}"
        );
    }
    for (node, acl) in [
        (".", "Add=*&Get=*"),
        ("./NodeA", "Get=ServerC&Replace=ServerC"),
        ("./NodeA/Node1", "Get=*"),
        ("./NodeB", "Get=ServerA&Replace=ServerA"),
        (
            "./NodeB/Node3",
            "Get=ServerB&Replace=ServerB&Delete=ServerB",
        ),
        (
            "./NodeB/Node3/Node5",
            "Get=ServerA&Replace=ServerA&Get=ServerB",
        ),
        ("./NodeC", "Get=ServerA&Replace=ServerA"),
    ] {
        assert_eq!(
            bench.replace("", &format!("{node}?prop=ACL"), acl),
            Ok(()),
            "{node}"
        );
    }
    bench.commit();
    bench
}

const SERVERS: [&str; 3] = ["ServerA", "ServerB", "ServerC"];

#[test]
fn any_server_may_get_the_value_of_node1() {
    for server in SERVERS.into_iter().chain(["Stranger"]) {
        assert_eq!(figure().get(server, "./NodeA/Node1"), Ok("old".into()));
    }
}

#[test]
fn server_c_alone_may_replace_the_acl_of_node1_at_once() {
    for server in SERVERS {
        let expected = if server == "ServerC" { Ok(()) } else { DENIED };
        assert_eq!(
            figure().replace(server, "./NodeA/Node1?prop=ACL", "Get=*&Replace=*"),
            expected,
            "{server}"
        );
    }
}

#[test]
fn nobody_may_delete_or_replace_the_value_of_node1() {
    for server in SERVERS {
        assert_eq!(
            figure().replace(server, "./NodeA/Node1", "new"),
            DENIED,
            "{server}"
        );
        assert_eq!(figure().delete(server, "./NodeA/Node1"), DENIED, "{server}");
    }
}

#[test]
fn the_acl_property_is_the_nodes_own() {
    let bench = figure();
    assert_eq!(
        bench.get("ServerB", "./NodeA/Node1?prop=ACL"),
        Ok("Get=*".into())
    );
    assert_eq!(
        bench.get("ServerB", "./NodeB/Node3/Node4?prop=ACL"),
        Ok(String::new())
    );
    assert_eq!(
        bench.get("ServerA", "./NodeB/Node3/Node5?prop=ACL"),
        Ok("Get=ServerA+ServerB&Replace=ServerA".into())
    );
}

#[test]
fn rights_are_those_of_the_nearest_list() {
    let mut bench = figure();
    assert_eq!(
        bench.replace("ServerA", "./NodeB/Node3/Node5", "new"),
        Ok(())
    );
    assert_eq!(
        bench.get("ServerB", "./NodeB/Node3/Node5"),
        Ok("new".into())
    );
    assert_eq!(
        bench.replace("ServerA", "./NodeB/Node3/Node4", "new"),
        DENIED
    );
    assert_eq!(
        bench.replace("ServerB", "./NodeB/Node3/Node4", "new"),
        Ok(())
    );
    // Lists are neither merged with an ancestor's nor inherited command by command.
    assert_eq!(
        bench.get("ServerC", "./NodeB/Node2"),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(
        bench.add("ServerC", "./NodeB/Node3/Node6", &Content::text("")),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(bench.get("ServerC", "."), Ok("NodeA/NodeB/NodeC".into()));
}

#[test]
fn an_interior_nodes_acl_is_governed_by_itself_or_its_parent() {
    let mut bench = figure();
    // ServerB has Replace on Node3 itself, ServerA on its parent.
    assert_eq!(
        bench.replace("ServerB", "./NodeB/Node3?prop=ACL", "Get=*&Replace=ServerB"),
        Ok(())
    );
    assert_eq!(
        bench.replace("ServerA", "./NodeB/Node3?prop=ACL", "Get=*"),
        Ok(())
    );
    assert_eq!(
        bench.replace("ServerB", "./NodeB/Node3?prop=ACL", "Replace=ServerB"),
        DENIED
    );
    // A leaf's own list does not count: ServerA may replace Node5, not its list.
    assert_eq!(
        figure().replace("ServerA", "./NodeB/Node3/Node5?prop=ACL", "Get=*"),
        DENIED
    );
    assert_eq!(
        figure().replace("ServerB", "./NodeB/Node3/Node5?prop=ACL", "Get=*"),
        Ok(())
    );
}

#[test]
fn deleting_asks_the_addressed_node_alone() {
    let mut bench = figure();
    assert_eq!(bench.delete("ServerA", "./NodeB/Node3"), DENIED);
    // Node5 grants Delete to nobody, yet goes with its parent.
    assert_eq!(bench.delete("ServerB", "./NodeB/Node3"), Ok(()));
    assert_eq!(
        bench.get("", "./NodeB/Node3/Node5"),
        Err(StatusCode::NOT_FOUND)
    );
    assert_eq!(bench.get("", "./NodeB"), Ok("Node2".into()));
}

#[test]
fn the_roots_list_cannot_be_emptied() {
    let mut bench = figure();
    assert_eq!(bench.replace("ServerA", ".?prop=ACL", "Get=*"), DENIED);
    assert_eq!(
        bench.replace("", ".?prop=ACL", ""),
        Err(StatusCode::NOT_ALLOWED)
    );
    assert_eq!(
        bench.replace("", ".?prop=ACL", "Get=ServerA&Replace=ServerA"),
        Ok(())
    );
    assert_eq!(
        bench.get("ServerB", "."),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(bench.replace("ServerA", ".?prop=ACL", "Get=*"), Ok(()));
    assert_eq!(
        bench.replace("", "./NodeC?prop=ACL", "Get"),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
}

#[test]
fn a_list_has_a_longest_length() {
    let mut bench = figure();
    let ids = |count: usize| vec!["server"; count].join("+");
    let at = "./NodeC?prop=ACL";
    assert_eq!(
        bench.replace("", at, &format!("Get={}", ids(2_000))),
        Ok(())
    );
    assert_eq!(bench.get("", at), Ok("Get=server".into()));
    assert_eq!(
        bench.replace("", at, &format!("Get={}", ids(3_000))),
        Err(StatusCode::TOO_LARGE)
    );
}

#[test]
fn the_creator_of_an_interior_node_keeps_rights_on_it() {
    let deep = dir(
        "*",
        "adgr",
        vec![dir("*", "adgr", vec![leaf("*", "adgr", Format::Chr)])],
    );
    let mut bench = Bench::new(vec![dir("Free", "g", vec![deep]).permanent()]);
    assert_eq!(bench.add("S", "./Free/a/b/c", &Content::text("1")), Ok(()));
    let mine = "Add=S&Delete=S&Get=S&Replace=S";
    assert_eq!(bench.get("S", "./Free/a?prop=ACL"), Ok(mine.into()));
    assert_eq!(bench.get("S", "./Free/a/b?prop=ACL"), Ok(String::new()));
    assert_eq!(
        bench.get("T", "./Free/a/b/c"),
        Err(StatusCode::PERMISSION_DENIED)
    );
    assert_eq!(bench.replace("S", "./Free/a/b/c", "2"), Ok(()));
    // With the Replace right on the parent there is no need for a list.
    assert_eq!(bench.add("S", "./Free/a/d", &Content::interior()), Ok(()));
    assert_eq!(bench.get("S", "./Free/a/d?prop=ACL"), Ok(String::new()));
    // Neither leaves nor what the owner makes get one.
    assert_eq!(bench.add("S", "./Free/x", &Content::interior()), Ok(()));
    assert_eq!(bench.add("", "./Free/y", &Content::interior()), Ok(()));
    assert_eq!(bench.get("", "./Free/x?prop=ACL"), Ok(mine.into()));
    assert_eq!(bench.get("", "./Free/y?prop=ACL"), Ok(String::new()));
    assert_eq!(bench.delete("S", "./Free/x"), Ok(()));
    assert_eq!(bench.delete("S", "./Free/y"), DENIED);
}

#[test]
fn a_description_may_give_a_built_in_node_its_first_list() {
    let mut bench = Bench::new(vec![
        dir("A", "g", vec![leaf("B", "gr", Format::Chr).permanent()])
            .permanent()
            .with_acl("Get=S&Replace=S"),
    ]);
    assert_eq!(bench.replace("T", "./A/B", "1"), DENIED);
    assert_eq!(bench.replace("S", "./A/B", "1"), Ok(()));
    let view = bench.view();
    assert_eq!(
        view.effective_acl(&uri("A/B")),
        Acl::parse("Get=S&Replace=S").unwrap()
    );
    assert!(!view.permits(crate::Authority::Server("T"), Right::Get, &uri("A/B")));
}
