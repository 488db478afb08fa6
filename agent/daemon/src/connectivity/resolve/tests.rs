use super::*;
use crate::connectivity::Connectivity;

const ALL: Rules = Rules {
    roaming: true,
    metered: true,
    default_route: false,
};

fn link(index: u32, name: &str) -> Link {
    Link {
        index,
        name: name.to_owned(),
        enabled: true,
        running: true,
        has_address: true,
        ..Link::default()
    }
}

fn links() -> Links {
    let vrf = Link {
        kind: "vrf".to_owned(),
        has_address: false,
        ..link(5, "blue")
    };
    let member = Link {
        controller: Some(5),
        ..link(6, "eth6")
    };
    Links {
        links: vec![link(2, "eth0"), link(3, "wwan0"), vrf, member],
        default: vec![3],
    }
}

fn tables(tables: &[(&str, Connectivity)]) -> Tables {
    let owned = |(name, table): &(&str, Connectivity)| ((*name).to_owned(), table.clone());
    tables.iter().map(owned).collect()
}

fn interface(name: &str) -> Connectivity {
    Connectivity {
        interface: Some(name.to_owned()),
        ..Connectivity::default()
    }
}

fn metered(name: &str) -> Connectivity {
    Connectivity {
        metered: true,
        ..interface(name)
    }
}

fn resolved(references: &[&str], tables: &Tables, rules: Rules, links: &Links) -> Vec<String> {
    let references: Vec<_> = references.iter().map(|text| (*text).to_owned()).collect();
    let found = resolve(&references, tables, rules, Ok(links));
    let said = |connection: &Connection| match &connection.outcome {
        Ok(binding) => binding
            .interface
            .clone()
            .unwrap_or_else(|| "any".to_owned()),
        Err(obstacle) => obstacle.to_string(),
    };
    found.iter().map(said).collect()
}

#[test]
fn references_lead_to_links_in_their_order() {
    let lte = Connectivity {
        dns: vec!["192.0.2.53".parse().unwrap()],
        ..interface("wwan0")
    };
    let tables = tables(&[("lte", lte.clone())]);
    let all = ["vrf:blue", "lte", "interface:eth0"];
    let found = resolved(&all, &tables, ALL, &links());
    assert_eq!(found, ["blue", "wwan0", "eth0"]);
    let bound = resolve(&["lte".to_owned()], &tables, ALL, Ok(&links()));
    let expected = Binding {
        interface: Some("wwan0".to_owned()),
        dns: lte.dns,
    };
    assert_eq!(bound[0].outcome, Ok(expected));
}

#[test]
fn what_leads_nowhere_is_said_in_words() {
    let both = Connectivity {
        vrf: Some("blue".to_owned()),
        ..interface("eth0")
    };
    let tables = tables(&[("both", both)]);
    for (reference, expected) in [
        ("lte", "agent.toml has no [connectivity.lte]"),
        ("both", "\"both\" is no connectivity reference"),
        (
            "./NAP/1",
            "this build knows no connectivity objects in the tree",
        ),
        (
            "NAP/1",
            "this build knows no connectivity objects in the tree",
        ),
        ("modem:0", "this build cannot open the bearer of a modem"),
        (
            "bluetooth:x",
            "\"bluetooth:x\" is no connectivity reference",
        ),
        ("", "\"\" is no connectivity reference"),
        ("interface:", "\"interface:\" is no connectivity reference"),
        (
            "interface:../eth0",
            "\"interface:../eth0\" is no connectivity reference",
        ),
        ("interface:eth9", "there is no interface eth9"),
        ("vrf:eth0", "eth0 is no VRF"),
    ] {
        assert_eq!(resolved(&[reference], &tables, ALL, &links()), [expected]);
    }
}

#[test]
fn a_link_has_to_be_able_to_carry_packets() {
    let none = Tables::new();
    let with = |change: &dyn Fn(&mut Link)| {
        let mut links = links();
        change(&mut links.links[0]);
        resolved(&["interface:eth0"], &none, ALL, &links)
    };
    assert_eq!(with(&|_| ()), ["eth0"]);
    assert_eq!(with(&|link| link.enabled = false), ["eth0 is down"]);
    assert_eq!(with(&|link| link.running = false), ["eth0 has no carrier"]);
    assert_eq!(
        with(&|link| link.has_address = false),
        ["eth0 has no address"]
    );
}

#[test]
fn the_addresses_of_a_vrf_are_those_of_its_members() {
    let none = Tables::new();
    let mut links = links();
    assert_eq!(resolved(&["vrf:blue"], &none, ALL, &links), ["blue"]);
    links.links[3].running = false;
    let found = resolved(&["vrf:blue"], &none, ALL, &links);
    assert_eq!(found, ["blue has no address"]);
    links.links[3].running = true;
    links.links[3].controller = Some(9);
    let found = resolved(&["vrf:blue"], &none, ALL, &links);
    assert_eq!(found, ["blue has no address"]);
}

#[test]
fn a_marked_link_is_passed_over_by_whom_denies_it() {
    let roaming = Connectivity {
        roaming: true,
        ..interface("eth0")
    };
    let tables = tables(&[("lte", metered("wwan0")), ("abroad", roaming)]);
    let frugal = Rules {
        metered: false,
        ..ALL
    };
    let home = Rules {
        roaming: false,
        ..ALL
    };
    // By whichever name the link is reached.
    for reference in ["lte", "interface:wwan0"] {
        assert_eq!(resolved(&[reference], &tables, ALL, &links()), ["wwan0"]);
        assert_eq!(resolved(&[reference], &tables, home, &links()), ["wwan0"]);
        let found = resolved(&[reference], &tables, frugal, &links());
        assert_eq!(found, ["wwan0 is metered"]);
    }
    let found = resolved(&["interface:eth0"], &tables, home, &links());
    assert_eq!(found, ["eth0 is roaming"]);
}

#[test]
fn a_marked_member_marks_its_vrf() {
    let tables = tables(&[("lte", metered("eth6"))]);
    let frugal = Rules {
        metered: false,
        ..ALL
    };
    let found = resolved(&["vrf:blue"], &tables, frugal, &links());
    assert_eq!(found, ["eth6 is metered"]);
    assert_eq!(resolved(&["vrf:blue"], &tables, ALL, &links()), ["blue"]);
}

#[test]
fn the_default_route_is_taken_where_the_account_allows_it_alone() {
    let none = Tables::new();
    let open = Rules {
        default_route: true,
        ..ALL
    };
    assert_eq!(resolved(&[], &none, open, &links()), ["any"]);
    let found = resolved(&["lte"], &none, open, &links());
    assert_eq!(found, ["agent.toml has no [connectivity.lte]", "any"]);
    let found = resolved(&["lte"], &none, ALL, &links());
    assert_eq!(found, ["agent.toml has no [connectivity.lte]"]);
    // A server that empties the references does not open it.
    let found = resolved(&[], &none, ALL, &links());
    assert_eq!(
        found,
        ["there is no connectivity reference, and the default route is denied"]
    );
}

#[test]
fn the_default_route_does_not_hide_a_marked_link() {
    let tables = tables(&[("lte", metered("wwan0"))]);
    let frugal = Rules {
        metered: false,
        default_route: true,
        ..ALL
    };
    assert_eq!(
        resolved(&[], &tables, frugal, &links()),
        ["wwan0 is metered"]
    );
    let other = Links {
        default: vec![2],
        ..links()
    };
    assert_eq!(resolved(&[], &tables, frugal, &other), ["any"]);
    let unread = resolve(&[], &tables, frugal, Err("no netlink"));
    let Err(Obstacle::Unreadable(_)) = unread[0].outcome else {
        panic!("{unread:?}");
    };
}

#[test]
fn what_cannot_be_seen_is_not_used() {
    let references = ["interface:eth0".to_owned()];
    let found = resolve(&references, &Tables::new(), ALL, Err("no netlink"));
    assert_eq!(
        waiting(&found).unwrap(),
        "the links cannot be read: no netlink"
    );
}

#[test]
fn an_account_waits_while_no_way_is_open() {
    let tables = tables(&[("lte", metered("wwan0"))]);
    let frugal = Rules {
        metered: false,
        ..ALL
    };
    let of = |references: &[&str]| {
        let references: Vec<_> = references.iter().map(|text| (*text).to_owned()).collect();
        waiting(&resolve(&references, &tables, frugal, Ok(&links())))
    };
    assert_eq!(of(&["lte"]).unwrap(), "wwan0 is metered");
    let both = of(&["lte", "interface:wwan0", "interface:eth9"]);
    assert_eq!(
        both.unwrap(),
        "wwan0 is metered; there is no interface eth9"
    );
    assert_eq!(of(&["lte", "interface:eth0"]), None);
}
