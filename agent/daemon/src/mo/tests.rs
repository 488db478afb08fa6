use super::*;
use crate::config::Device;
use crate::identity::Origin;
use crate::identity::fixture::{BOARD, DMI, recorded};
use omadm_dm::operation::{self, GetItem};
use omadm_dm::{Authority, Content, Edit, Overlay, Tree, TreeLimits};
use omadm_kpi::KpiId;
use omadm_probes::{Probes, Sources, collect};
use omadm_syncml::{Address, Now, StatusCode};
use std::time::Duration;

pub(super) const NOW: Now = Now {
    boot: Duration::from_secs(100),
    wall: None,
};

/// A machine that the probes are tested with.
fn recording(name: &str) -> String {
    format!(
        "{}/../../probes/tests/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The objects of a recorded machine on a tree; its probes read what `probes` was tested with.
pub(super) fn tree_of(machine: &[(&str, &str)], recording_name: &str) -> Tree {
    let (_dir, fs) = recorded(machine);
    let id = DevId {
        text: "urn:uuid:1".to_owned(),
        origin: Origin::Random,
    };
    let machine = Machine::read(&Device::default(), &fs);
    let recording = recording(recording_name);
    let limits = TreeLimits::default();
    let board = Board::default();
    let sources = Sources::recorded(&recording);
    board.put(collect(&mut Probes::all(), &sources, &KpiSet::all()));
    let objects = all(&id, &machine, limits.uri, &board).unwrap();
    let mut tree = Tree::new(limits);
    for object in objects {
        tree.mount(object).unwrap();
    }
    tree
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text, &UriLimits::NONE).unwrap()
}

pub(super) fn get(
    tree: &mut Tree,
    by: Authority<'_>,
    text: &str,
) -> Result<Vec<GetItem>, StatusCode> {
    let address = address(text);
    let roots = tree.live_roots(std::slice::from_ref(&address));
    let live = tree.collect(&roots);
    operation::get(&tree.view(&live), by, &address)
}

/// The text of one node, as a server without an account of its own sees it.
fn text(tree: &mut Tree, uri: &str) -> Result<String, StatusCode> {
    let items = get(tree, Authority::Server("stranger"), uri)?;
    Ok(items[0].data.as_text().unwrap().into_owned())
}

pub(super) fn replace(
    tree: &mut Tree,
    by: Authority<'_>,
    uri: &str,
    value: &str,
) -> Result<(), StatusCode> {
    let mut overlay = Overlay::new();
    let address = address(uri);
    let roots = tree.live_roots(std::slice::from_ref(&address));
    let live = tree.collect(&roots);
    let mut edit = Edit::new(tree, &mut overlay, &live);
    operation::replace(&mut edit, by, &address, &Content::text(value), NOW)?;
    tree.apply(&overlay.into_writes());
    Ok(())
}

#[test]
fn every_description_is_read_and_written_back() {
    for (name, text) in DDFS {
        let ddf = Ddf::parse(name, text).unwrap();
        assert_eq!(Ddf::parse(name, &ddf.to_xml()).unwrap(), ddf, "{name}");
    }
}

#[test]
fn devinfo_says_who_the_device_is() {
    let mut tree = tree_of(DMI, "gateway");
    assert_eq!(text(&mut tree, "./DevInfo/DevId").unwrap(), "urn:uuid:1");
    assert_eq!(text(&mut tree, "./DevInfo/Man").unwrap(), "PC Engines");
    assert_eq!(text(&mut tree, "./DevInfo/Mod").unwrap(), "apu2");
    assert_eq!(text(&mut tree, "./DevInfo/Lang").unwrap(), "de-DE");
    assert!(
        text(&mut tree, "./DevInfo/DmV")
            .unwrap()
            .starts_with("omadm ")
    );
    assert_eq!(
        text(&mut tree, "./DevInfo").unwrap(),
        "DevId/DmV/Lang/Man/Mod"
    );
    let all = get(
        &mut tree,
        Authority::Server("stranger"),
        "./DevInfo?list=StructData",
    )
    .unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(
        text(&mut tree, "./DevInfo?prop=Type").unwrap(),
        "urn:oma:mo:oma-dm-devinfo:1.0"
    );
}

#[test]
fn the_language_can_be_replaced_and_nothing_else() {
    let mut tree = tree_of(BOARD, "gateway");
    let local = Authority::Local;
    assert_eq!(text(&mut tree, "./DevInfo/Lang").unwrap(), "en");
    assert_eq!(
        replace(&mut tree, local, "./DevInfo/Lang", "not a tag"),
        Err(StatusCode::UNSUPPORTED_FORMAT)
    );
    replace(&mut tree, local, "./DevInfo/Lang", "fr-CH").unwrap();
    assert_eq!(text(&mut tree, "./DevInfo/Lang").unwrap(), "fr-CH");
    for uri in [
        "./DevInfo/DevId",
        "./DevInfo/Man",
        "./DevDetail/SwV",
        "./DiagMon/Memory/Description",
    ] {
        assert_eq!(
            replace(&mut tree, local, uri, "x"),
            Err(StatusCode::NOT_ALLOWED),
            "{uri}"
        );
    }
    let stranger = Authority::Server("stranger");
    assert_eq!(
        replace(&mut tree, stranger, "./DevInfo/Lang", "de"),
        Err(StatusCode::PERMISSION_DENIED)
    );
}

#[test]
fn devdetail_is_true() {
    let mut tree = tree_of(BOARD, "gateway");
    assert_eq!(
        text(&mut tree, "./DevDetail/SwV").unwrap(),
        "Gateway OS, image 7, Linux 6.6.20-v8"
    );
    assert_eq!(
        text(&mut tree, "./DevDetail/HwV").unwrap(),
        "raspberrypi,4-model-b"
    );
    assert_eq!(text(&mut tree, "./DevDetail/LrgObj").unwrap(), "false");
    let depth = tree.limits().uri.depth.to_string();
    assert_eq!(text(&mut tree, "./DevDetail/URI/MaxDepth").unwrap(), depth);
}

#[test]
fn memory_is_read_when_it_is_asked_for() {
    let mut tree = tree_of(DMI, "gateway");
    let data = "./DiagMon/Memory/DiagMonData";
    for (leaf, expected) in [
        ("Total", "492.11"),
        ("Avail", "236.11"),
        ("PercentFree", "47"),
        ("RAM/TotalKB", "503916"),
        ("RAM/SUnreclaimKB", "31188"),
        ("RAM/PsiSome10", "12.50"),
        ("RAM/OomKills", "7793"),
    ] {
        assert_eq!(
            text(&mut tree, &format!("{data}/{leaf}")).unwrap(),
            expected,
            "{leaf}"
        );
    }
    assert_eq!(
        text(&mut tree, data).unwrap(),
        "Avail/PercentFree/RAM/Total"
    );
    assert_eq!(
        text(&mut tree, "./DiagMon/Memory?prop=Type").unwrap(),
        "urn:oma:mo:oma-diag:memory:1.0"
    );
    assert!(
        text(&mut tree, "./DiagMon/Memory/Description")
            .unwrap()
            .starts_with("Main memory")
    );
    let all = get(
        &mut tree,
        Authority::Server("s"),
        "./DiagMon/Memory?list=StructData",
    )
    .unwrap();
    assert_eq!(all.len(), 20);
}

#[test]
fn what_a_kernel_does_not_have_is_no_leaf() {
    let mut tree = tree_of(&[], "old");
    let psi = "./DiagMon/Memory/DiagMonData/RAM/PsiSome10";
    assert_eq!(text(&mut tree, psi), Err(StatusCode::NOT_FOUND));
    let names = text(&mut tree, "./DiagMon/Memory/DiagMonData/RAM").unwrap();
    assert!(
        names.contains("TotalKB") && !names.contains("Psi"),
        "{names}"
    );
}

#[test]
fn what_cannot_be_read_is_a_failure_and_not_a_zero() {
    let mut tree = tree_of(&[], "broken");
    let listing = get(
        &mut tree,
        Authority::Server("s"),
        "./DiagMon/Memory?list=StructData",
    )
    .unwrap();
    for item in listing {
        assert_ne!(item.data.as_text().as_deref(), Some("0"), "{:?}", item.uri);
    }
    assert_eq!(
        text(&mut tree, "./DiagMon/Memory/DiagMonData/Avail"),
        Err(StatusCode::COMMAND_FAILED)
    );
}

#[test]
fn each_interface_is_a_node() {
    let mut tree = tree_of(DMI, "gateway");
    let data = "./DiagMon/Links/DiagMonData";
    let names = text(&mut tree, data).unwrap();
    assert_eq!(names.split('/').count(), 7, "{names}");
    assert_eq!(
        text(&mut tree, &format!("{data}/lo/OperState")).unwrap(),
        "unknown"
    );
    assert_eq!(text(&mut tree, &format!("{data}/lo/MTU")).unwrap(), "65536");
    assert_eq!(
        text(&mut tree, &format!("{data}/lo/RxBytes")).unwrap(),
        "1000002"
    );
    assert_eq!(
        text(&mut tree, &format!("{data}/lo/Carrier")).unwrap(),
        "true"
    );
    for uri in ["nosuch", "nosuch/MTU", "lo/Nosuch"] {
        assert_eq!(
            text(&mut tree, &format!("{data}/{uri}")),
            Err(StatusCode::NOT_FOUND),
            "{uri}"
        );
    }
    let all = get(
        &mut tree,
        Authority::Server("s"),
        "./DiagMon?list=StructData",
    )
    .unwrap();
    assert!(
        all.iter()
            .any(|item| item.uri.to_string().ends_with("lo/TxBytes"))
    );
    assert!(
        all.iter()
            .any(|item| item.uri.to_string().ends_with("RAM/FreeKB"))
    );
}

#[test]
fn only_what_is_wanted_is_collected() {
    let mut tree = tree_of(DMI, "gateway");
    let wanted = ["./DiagMon/Links/DiagMonData/lo/MTU".parse().unwrap()];
    let live = tree.collect(&wanted);
    let leaves: Vec<String> = live
        .iter()
        .filter(|(_, node)| **node != omadm_dm::LiveNode::Interior)
        .map(|(uri, _)| uri.to_string())
        .collect();
    assert_eq!(leaves, ["./DiagMon/Links/DiagMonData/lo/MTU"]);
}

#[test]
fn only_what_is_wanted_has_to_be_read() {
    let needed = |roots: &[&str]| {
        let roots: Vec<Uri> = roots.iter().map(|root| root.parse().unwrap()).collect();
        kpis(&roots).iter().collect::<Vec<_>>()
    };
    assert_eq!(needed(&["./DevInfo", "./DMAcc", "./DiagMon/Nosuch"]), []);
    assert_eq!(
        needed(&["./DiagMon/Links/DiagMonData/lo/MTU"]),
        [KpiId::LinkMtu]
    );
    assert_eq!(
        needed(&["./DiagMon/Memory/DiagMonData/PercentFree"]),
        [KpiId::MemoryTotal, KpiId::MemoryAvailable]
    );
    assert!(needed(&["./DiagMon/Links/DiagMonData/eth0"]).len() > 10);
    let everything = needed(&["./DiagMon"]);
    assert!(everything.contains(&KpiId::LinkMtu) && everything.contains(&KpiId::MemoryTotal));
}
