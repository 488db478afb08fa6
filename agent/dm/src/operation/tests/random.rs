//! Random trees and random commands against what a few plain lines say.

use crate::acl::Acl;
use crate::fixture::{Bench, address, ddf, dir, leaf, uri};
use crate::{Authority, Content, Node, Overlay, Right, Tree, operation};
use omadm_syncml::{Format, Uri};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["a", "b", "a-"];

/// Leaves and interior nodes of any name, four levels deep.
fn free(depth: usize) -> Vec<crate::ddf::DdfNode> {
    let leaf = leaf("*", "adgr", Format::Chr);
    match depth {
        0 => vec![leaf],
        _ => vec![leaf, dir("*", "adgr", free(depth - 1))],
    }
}

fn bench() -> Bench {
    let mut tree = Tree::default();
    tree.describe(&ddf("free.xml", free(3))).unwrap();
    Bench::on(tree)
}

fn place() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..NAMES.len(), 1..5).prop_map(|path| {
        path.into_iter()
            .map(|name| NAMES[name])
            .collect::<Vec<_>>()
            .join("/")
    })
}

fn list() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => Just(""),
        1 => Just("Add=*&Get=*&Replace=*&Delete=*"),
        1 => Just("Get=S&Replace=T"),
        1 => Just("Add=S&Delete=S"),
        1 => Just("Replace=S+T&Get=*"),
    ]
}

#[derive(Debug, Clone)]
enum Command {
    Add(String, bool),
    Replace(String, u8),
    Acl(String, &'static str),
    Rename(String, usize),
    Delete(String),
    Copy(String, String),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (place(), any::<bool>()).prop_map(|(at, interior)| Command::Add(at, interior)),
        2 => (place(), any::<u8>()).prop_map(|(at, value)| Command::Replace(at, value)),
        2 => (place(), list()).prop_map(|(at, acl)| Command::Acl(at, acl)),
        1 => (place(), 0..NAMES.len()).prop_map(|(at, name)| Command::Rename(at, name)),
        2 => place().prop_map(Command::Delete),
        1 => (place(), place()).prop_map(|(from, to)| Command::Copy(from, to)),
    ]
}

/// Carries a command out and says whether it succeeded.
fn run(bench: &mut Bench, by: &str, command: &Command) -> bool {
    let done = match command {
        Command::Add(at, true) => bench.add(by, at, &Content::interior()),
        Command::Add(at, false) => bench.add(by, at, &Content::text("new")),
        Command::Replace(at, value) => bench.replace(by, at, &value.to_string()),
        Command::Acl(at, acl) => bench.replace(by, &format!("{at}?prop=ACL"), acl),
        Command::Rename(at, name) => bench.replace(by, &format!("{at}?prop=Name"), NAMES[*name]),
        Command::Delete(at) => bench.delete(by, at),
        Command::Copy(from, to) => bench.copy(by, from, to),
    };
    done.is_ok()
}

/// Everything that can be seen of every node.
fn everything(bench: &Bench) -> BTreeMap<Uri, Node> {
    let nodes = bench.view().subtree(&Uri::root());
    nodes
        .iter()
        .map(|node| (node.uri().clone(), node.to_node()))
        .collect()
}

fn commands(count: usize) -> impl Strategy<Value = Vec<(bool, Command)>> {
    proptest::collection::vec((any::<bool>(), command()), 0..count)
}

fn by(owner: bool) -> &'static str {
    if owner { "" } else { "S" }
}

/// The tree in the plainest form: names, and whether each is a leaf.
type Plain = BTreeMap<String, bool>;

fn plain(bench: &Bench) -> Plain {
    everything(bench)
        .iter()
        .map(|(uri, node)| (uri.to_string(), !node.is_interior()))
        .collect()
}

proptest! {
    #[test]
    fn a_rollback_leaves_the_view_as_it_was(committed in commands(12), kept in commands(6), undone in commands(12)) {
        let mut bench = bench();
        for (owner, command) in &committed {
            run(&mut bench, by(*owner), command);
        }
        bench.commit();
        for (owner, command) in &kept {
            run(&mut bench, by(*owner), command);
        }
        let (before, room) = (everything(&bench), bench.tree.room(&bench.overlay));
        let savepoint = bench.overlay.savepoint();
        let writes = bench.overlay.clone().into_writes();
        for (owner, command) in &undone {
            run(&mut bench, by(*owner), command);
        }
        bench.overlay.rollback_to(savepoint);
        prop_assert_eq!(everything(&bench), before);
        prop_assert_eq!(bench.tree.room(&bench.overlay), room);
        prop_assert_eq!(bench.overlay.into_writes(), writes);
    }

    #[test]
    fn what_is_seen_before_a_commit_is_there_after_it(first in commands(12), second in commands(12)) {
        let mut bench = bench();
        for (owner, command) in first.iter().chain(&second) {
            run(&mut bench, by(*owner), command);
        }
        let (before, room) = (everything(&bench), bench.tree.room(&bench.overlay));
        bench.commit();
        prop_assert_eq!(everything(&bench), before.clone());
        prop_assert_eq!(bench.tree.room(&Overlay::new()), room);
        prop_assert!(bench.tree.quarantine().is_empty());
        // The store may give the nodes back in any order.
        let mut again = self::bench();
        again.tree.load(before.clone().into_iter().rev());
        prop_assert_eq!(everything(&again), before);
    }

    #[test]
    fn a_command_that_fails_changes_nothing(first in commands(16), (owner, last) in (any::<bool>(), command())) {
        let mut bench = bench();
        for (owner, command) in &first {
            run(&mut bench, by(*owner), command);
        }
        let before = everything(&bench);
        if !run(&mut bench, by(owner), &last) {
            prop_assert_eq!(everything(&bench), before);
        }
    }

    #[test]
    fn the_shape_of_the_tree_stays_whole(list in commands(24)) {
        let mut bench = bench();
        for (owner, command) in &list {
            run(&mut bench, by(*owner), command);
        }
        let seen = plain(&bench);
        for (uri, is_leaf) in &seen {
            let parent = uri.rsplit_once('/').map_or(".", |(parent, _)| parent);
            prop_assert!(uri == "." || seen.get(parent) == Some(&false), "{}", uri);
            let below = format!("{uri}/");
            let children: Vec<&str> = seen.keys().filter_map(|node| node.strip_prefix(&below)).filter(|rest| !rest.contains('/')).collect();
            let found = bench.view().node(&uri.parse().unwrap()).unwrap();
            match found.children() {
                Ok(mut names) => {
                    names.sort();
                    let mut children = children;
                    children.sort_unstable();
                    prop_assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), children);
                }
                Err(_) => prop_assert!(*is_leaf && children.is_empty()),
            }
        }
    }

    #[test]
    fn rights_agree_with_a_naive_reference(nodes in proptest::collection::vec((place(), list()), 1..14), root in list(), asked in place()) {
        let mut bench = bench();
        let root = if root.is_empty() { "Get=*" } else { root };
        bench.replace("", ".?prop=ACL", root).unwrap();
        let mut lists = BTreeMap::from([(".".to_owned(), root.to_owned())]);
        for (at, acl) in nodes {
            let _ = bench.add("", &at, &Content::interior());
            if bench.replace("", &format!("{at}?prop=ACL"), acl).is_ok() {
                lists.insert(format!("./{at}"), acl.to_owned());
            }
        }
        for right in Right::ALL {
            for server in ["S", "T", "U"] {
                let expected = naive(&lists, &format!("./{asked}"), right.as_str(), server);
                prop_assert_eq!(bench.view().permits(Authority::Server(server), right, &uri(&asked)), expected, "{} {}", right.as_str(), server);
            }
        }
    }

    #[test]
    fn gets_agree_with_a_naive_reference(list in commands(16), acls in proptest::collection::vec((place(), list()), 0..6)) {
        let mut bench = bench();
        for (_, command) in &list {
            run(&mut bench, "", command);
        }
        for (at, acl) in acls {
            let _ = bench.replace("", &format!("{at}?prop=ACL"), acl);
        }
        let nodes = everything(&bench);
        let lists: BTreeMap<String, String> = nodes.iter().map(|(uri, node)| (uri.to_string(), node.acl.to_string())).collect();
        let readable: Vec<String> = nodes.keys().map(ToString::to_string).filter(|uri| naive(&lists, uri, "Get", "S")).collect();
        for uri in lists.keys() {
            let got = operation::get(&bench.view(), Authority::Server("S"), &address(uri)).is_ok();
            prop_assert_eq!(got, readable.contains(uri), "{}", uri);
        }
        let listing = operation::get(&bench.view(), Authority::Server("S"), &address(".?list=Struct"));
        if readable.first().is_some_and(|first| first == ".") {
            let seen: Vec<String> = listing.unwrap().iter().map(|item| item.uri.to_string()).collect();
            prop_assert_eq!(seen, readable);
        } else {
            prop_assert!(listing.is_err());
        }
    }
}

/// The first list upwards that is not empty decides; written without the types under test.
fn naive(lists: &BTreeMap<String, String>, uri: &str, right: &str, server: &str) -> bool {
    let list = lists.get(uri).map(String::as_str).unwrap_or_default();
    if list.is_empty() {
        return uri
            .rsplit_once('/')
            .is_some_and(|(parent, _)| naive(lists, parent, right, server));
    }
    list.split('&').any(|entry| {
        let (command, servers) = entry.split_once('=').unwrap();
        command == right && servers.split('+').any(|id| id == "*" || id == server)
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_acl_reader_panic(text in "\\PC{0,60}|[A-Za-z=&*+ ]{0,60}") {
        if let Ok(acl) = Acl::parse(&text) {
            prop_assert_eq!(Acl::parse(&acl.to_string()), Ok(acl));
        }
    }

    #[test]
    fn any_acl_round_trips(entries in proptest::collection::vec((0usize..5, proptest::collection::vec("[a-zA-Z0-9./:é-]{1,6}|\\*", 1..4)), 0..6)) {
        let entry = |(right, ids): &(usize, Vec<String>)| format!("{}={}", Right::ALL[*right].as_str(), ids.join("+"));
        let text = entries.iter().map(entry).collect::<Vec<_>>().join("&");
        let acl = Acl::parse(&text).unwrap();
        prop_assert_eq!(Acl::parse(&acl.to_string()), Ok(acl.clone()));
        for (right, ids) in &entries {
            for id in ids {
                prop_assert!(acl.grants(Right::ALL[*right], id));
            }
        }
    }
}
