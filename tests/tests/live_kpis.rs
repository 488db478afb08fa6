//! The probes against `ip` and `free` on this machine.
//!
//! A counter is read before and after the other program ran: what it saw must lie between, so that
//! no tolerance is needed while traffic goes on.
#![expect(clippy::disallowed_methods, reason = "driver: runs ip and free")]

use std::{collections::BTreeMap, process::Command};

use omadm_probes::{KpiId, KpiSet, Probes, Samples, Sources, Value, collect};
use serde_json::Value as Json;

/// Interfaces, addresses and memory may change while two programs look at them.
const ATTEMPTS: usize = 5;

fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

fn ip(arguments: &[&str]) -> Option<Json> {
    serde_json::from_str(&run("ip", arguments)?).ok()
}

fn probe(pattern: &str) -> Samples {
    let wanted = KpiSet::matching(pattern).unwrap_or_default();
    collect(&mut Probes::all(), &Sources::system(), &wanted)
}

/// Repeats a comparison until it holds, and fails with the last difference.
fn settle(name: &str, compare: impl Fn() -> Result<(), String>) {
    let mut outcome = Ok(());
    for _ in 0..ATTEMPTS {
        outcome = compare();
        if outcome.is_ok() {
            return;
        }
    }
    assert_eq!(outcome, Ok(()), "{name}");
}

fn between(
    id: KpiId,
    name: &str,
    before: &Samples,
    other: &Json,
    after: &Samples,
) -> Result<(), String> {
    let count = |samples: &Samples| samples.get(id, Some(name)).and_then(Value::as_u64);
    let (before, after) = (count(before), count(after));
    let other = other.as_u64();
    if other.is_some() && before <= other && other <= after {
        return Ok(());
    }
    Err(format!(
        "{id} of {name}: {before:?}, then {other:?}, then {after:?}"
    ))
}

fn equal(
    id: KpiId,
    name: Option<&str>,
    samples: &Samples,
    other: Option<impl Into<Value>>,
) -> Result<(), String> {
    let found = samples.get(id, name);
    let other = other.map(Into::into);
    if found == other.as_ref() {
        return Ok(());
    }
    Err(format!("{id} of {name:?}: {found:?} is not {other:?}"))
}

const COUNTERS: &[(KpiId, &str)] = &[
    (KpiId::LinkRxBytes, "/stats64/rx/bytes"),
    (KpiId::LinkRxPackets, "/stats64/rx/packets"),
    (KpiId::LinkRxErrors, "/stats64/rx/errors"),
    (KpiId::LinkRxDropped, "/stats64/rx/dropped"),
    (KpiId::LinkRxMulticast, "/stats64/rx/multicast"),
    (KpiId::LinkTxBytes, "/stats64/tx/bytes"),
    (KpiId::LinkTxPackets, "/stats64/tx/packets"),
    (KpiId::LinkTxErrors, "/stats64/tx/errors"),
    (KpiId::LinkTxDropped, "/stats64/tx/dropped"),
    (KpiId::LinkTxCarrierErrors, "/stats64/tx/carrier_errors"),
    (KpiId::LinkCollisions, "/stats64/tx/collisions"),
];

#[test]
fn links_are_as_ip_sees_them() {
    if ip(&["-s", "-j", "link"]).is_none() {
        println!(
            "skipped: links_are_as_ip_sees_them: `ip -s -j link` does not run (apt-get install iproute2)"
        );
        return;
    }
    settle("links", || {
        let before = probe("link.*");
        let links = ip(&["-s", "-j", "link"]).ok_or("ip failed")?;
        let after = probe("link.*");
        let links = links.as_array().ok_or("not a list")?;
        equal(KpiId::LinkCount, None, &after, Some(links.len() as u64))?;
        for link in links {
            link_is_the_same(link, &before, &after)?;
        }
        Ok(())
    });
}

fn link_is_the_same(link: &Json, before: &Samples, after: &Samples) -> Result<(), String> {
    let name = link["ifname"].as_str().ok_or("a link without a name")?;
    for (id, path) in COUNTERS {
        let other = link.pointer(path).unwrap_or(&Json::Null);
        between(*id, name, before, other, after)?;
    }
    let flags = link["flags"].as_array().ok_or("a link without flags")?;
    let enabled = flags.iter().any(|flag| flag == "UP");
    equal(KpiId::LinkEnabled, Some(name), after, Some(enabled))?;
    equal(KpiId::LinkMtu, Some(name), after, link["mtu"].as_u64())?;
    let address = link["address"]
        .as_str()
        .filter(|address| address.bytes().any(|b| !b"0:".contains(&b)));
    equal(KpiId::LinkAddress, Some(name), after, address)?;
    let state = link["operstate"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    let ours = after
        .get(KpiId::LinkState, Some(name))
        .map(ToString::to_string);
    if ours.as_ref().map(|ours| ours.replace('-', "")) != Some(state.clone()) {
        return Err(format!("state of {name}: {ours:?} is not {state}"));
    }
    Ok(())
}

#[test]
fn addresses_are_as_ip_sees_them() {
    if ip(&["-j", "address"]).is_none() {
        println!(
            "skipped: addresses_are_as_ip_sees_them: `ip -j address` does not run (apt-get install iproute2)"
        );
        return;
    }
    settle("addresses", || {
        let links = ip(&["-j", "address"]).ok_or("ip failed")?;
        let ours = probe("address.*");
        for link in links.as_array().ok_or("not a list")? {
            let name = link["ifname"].as_str().ok_or("a link without a name")?;
            for (family, id) in [
                ("inet", KpiId::AddressIpv4List),
                ("inet6", KpiId::AddressIpv6List),
            ] {
                let addresses = link["addr_info"].as_array().into_iter().flatten();
                let words: Vec<_> = addresses
                    .filter(|address| address["family"] == family)
                    .map(|address| {
                        format!(
                            "{}/{}",
                            address["local"].as_str().unwrap_or("?"),
                            address["prefixlen"]
                        )
                    })
                    .collect();
                let list = (!words.is_empty()).then(|| words.join(" "));
                equal(id, Some(name), &ours, list)?;
            }
        }
        Ok(())
    });
}

#[test]
fn routes_are_as_ip_sees_them() {
    if ip(&["-j", "route"]).is_none() {
        println!(
            "skipped: routes_are_as_ip_sees_them: `ip -j route` does not run (apt-get install iproute2)"
        );
        return;
    }
    settle("routes", || {
        let ours = probe("route.*");
        for (option, count, defaults) in [
            ("-4", KpiId::RouteIpv4Count, KpiId::RouteIpv4Defaults),
            ("-6", KpiId::RouteIpv6Count, KpiId::RouteIpv6Defaults),
        ] {
            let routes = ip(&[option, "-j", "route"]).ok_or("ip failed")?;
            let routes = routes.as_array().ok_or("not a list")?;
            let default = routes
                .iter()
                .filter(|route| route["dst"] == "default" && route["type"].is_null());
            equal(count, None, &ours, Some(routes.len() as u64))?;
            equal(defaults, None, &ours, Some(default.count() as u64))?;
        }
        Ok(())
    });
}

#[test]
fn memory_is_as_free_sees_it() {
    let Some(table) = run("free", &["-b"]) else {
        println!(
            "skipped: memory_is_as_free_sees_it: `free -b` does not run (apt-get install procps)"
        );
        return;
    };
    assert!(table.contains("Mem:"), "{table}");
    settle("memory", || {
        let ours = probe("memory.*");
        let table = parse_free(&run("free", &["-b"]).ok_or("free failed")?);
        for (id, field) in [
            (KpiId::MemoryTotal, "Mem:total"),
            (KpiId::MemorySwapTotal, "Swap:total"),
        ] {
            equal(id, None, &ours, table.get(field).copied())?;
        }
        let tolerance = table.get("Mem:total").copied().unwrap_or_default() / 50;
        for (id, field) in [
            (KpiId::MemoryFree, "Mem:free"),
            (KpiId::MemoryAvailable, "Mem:available"),
            (KpiId::MemoryShared, "Mem:shared"),
            (KpiId::MemorySwapFree, "Swap:free"),
        ] {
            let found = ours
                .get(id, None)
                .and_then(Value::as_u64)
                .ok_or(format!("{id} is missing"))?;
            let other = *table.get(field).ok_or(format!("{field} is missing"))?;
            if found.abs_diff(other) > tolerance {
                return Err(format!("{id}: {found} is far from {other}"));
            }
        }
        Ok(())
    });
}

/// A line of column names, then `Mem:` and `Swap:` with their numbers.
fn parse_free(text: &str) -> BTreeMap<String, u64> {
    let mut lines = text.lines();
    let names: Vec<_> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let mut table = BTreeMap::new();
    for line in lines {
        let (row, numbers) = line.split_once(':').unwrap_or((line, ""));
        for (name, number) in names.iter().zip(numbers.split_whitespace()) {
            if let Ok(number) = number.parse() {
                table.insert(format!("{row}:{name}"), number);
            }
        }
    }
    table
}
