//! Octets of a whole session that reads a subtree of sixty leaves.

use omadm_dm::{Authority, Content, Edit, Overlay, Snapshot, operation};
use omadm_server::job::Operation;
use omadm_server::store::JobState;
use omadm_syncml::{Address, MediaType, Now, UriLimits};
use omadm_tests::ask::get;
use omadm_tests::pair::{GATEWAY, Pair, Perfect, groups};
use std::time::Duration;

const LEAVES: [&str; 10] = [
    "Status", "Value", "Unit", "RSRP", "RSRQ", "SINR", "RSSI", "CellId", "Tac", "Band",
];

/// The addresses of the sixty leaves.
fn leaves() -> Vec<String> {
    (0..6)
        .flat_map(|n| LEAVES.map(|leaf| format!("./Scan/Group{n}/{leaf}")))
        .collect()
}

fn pair(encoding: MediaType) -> Pair {
    let mut pair = Pair::new(encoding, &[&groups("Scan")], GATEWAY).unwrap();
    let mut overlay = Overlay::new();
    let mut edit = Edit::new(&pair.tree, &mut overlay, Snapshot::empty());
    let now = Now {
        boot: Duration::ZERO,
        wall: None,
    };
    for (n, uri) in leaves().iter().enumerate() {
        let address = Address::parse(uri, &UriLimits::NONE).unwrap();
        let content = Content::text(&format!("-{}.5", 60 + n));
        operation::add(&mut edit, Authority::Local, &address, &content, now).unwrap();
    }
    let writes = overlay.into_writes();
    pair.write(&writes);
    // Both ends know each other's nonces afterwards, as in every session but the first.
    pair.queue(&[get("./DevInfo/Man")]).unwrap();
    pair.run(&mut Perfect).unwrap();
    pair
}

/// Octets and messages of a session that asks for this.
fn session(encoding: MediaType, operations: &[Operation]) -> (usize, usize) {
    let mut pair = pair(encoding);
    let job = pair.queue(operations).unwrap();
    let run = pair.run(&mut Perfect).unwrap();
    assert_eq!(pair.state(job).unwrap(), JobState::Done);
    (run.bytes(), run.traffic.len())
}

pub(super) fn print() {
    let by_node: Vec<_> = leaves().iter().map(|uri| get(uri)).collect();
    let whole = [get("./Scan?list=StructData")];
    let rows = [
        ("60 Gets, XML", session(MediaType::DmXml, &by_node)),
        ("60 Gets, WBXML", session(MediaType::DmWbxml, &by_node)),
        ("?list=StructData, XML", session(MediaType::DmXml, &whole)),
        (
            "?list=StructData, WBXML",
            session(MediaType::DmWbxml, &whole),
        ),
    ];
    let values: usize = leaves()
        .iter()
        .enumerate()
        .map(|(n, uri)| uri.len() + format!("-{}.5", 60 + n).len())
        .sum();
    let first = rows[0].1.0;
    println!("Octets of a whole session that reads 60 leaves (both ends authenticated by MD5)");
    println!(
        "  {:<28}{:>9}{:>10}{:>9}",
        "", "octets", "messages", "ratio"
    );
    for (name, (bytes, messages)) in rows {
        let ratio = bytes as f64 / first as f64;
        println!("  {name:<28}{bytes:>9}{messages:>10}{ratio:>9.2}");
    }
    let ratio = values as f64 / first as f64;
    println!(
        "  {:<28}{values:>9}{:>10}{ratio:>9.2}",
        "limit: addresses and values", "-"
    );
    println!();
}
