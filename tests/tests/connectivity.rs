//! Which link the packets of a session take, names included: the real programs in network
//! namespaces with two uplinks, where what arrives on the wrong one is counted.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says why it is skipped"
)]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use omadm_tests::netns::{Capture, Frames, NameServer, Namespace};
use omadm_tests::process::{ACCOUNT, Agent, Bench, PATIENCE, SERVER_ID, Server};
use serde_json::Value;

/// The other ends of the uplinks, the server and the name server, all in one namespace.
const GATEWAYS: [(&str, &str); 2] = [("p0", "10.77.0.1"), ("p1", "10.77.1.1")];
const SERVER: &str = "10.77.9.1";
const NAMES: &str = "10.77.9.53";

/// What a test configures: short waits, one link by each name.
const CONFIG: &str = r#"
[session]
connect-timeout = "2s"
response-timeout = "3s"
[connectivity.first]
interface = "a0"
dns = ["10.77.9.53"]
[connectivity.second]
interface = "a1"
dns = ["10.77.9.53"]
[connectivity.costly]
interface = "a1"
dns = ["10.77.9.53"]
metered = true
"#;

/// An agent with two uplinks, `a0` and `a1`, of which `a1` has the best default route.
struct Lab {
    bench: Bench,
    names: NameServer,
    agent: Namespace,
    world: Namespace,
}

/// The default route over a link, which is lost when the link goes down.
fn route(agent: &Namespace, link: &str) {
    let (gateway, metric) = match link {
        "a1" => (GATEWAYS[1].1, "10"),
        _ => (GATEWAYS[0].1, "100"),
    };
    let default = ["route", "replace", "default", "via", gateway, "dev", link];
    agent.ip(&[&default[..], &["metric", metric]].concat());
}

impl Lab {
    /// A lab whose agent has this configuration; `None` with the reason said where there is none.
    fn new(test: &str, config: &str) -> Option<Self> {
        let made = Namespace::new().and_then(|agent| Ok((agent, Namespace::new()?)));
        let (agent, world) = match made {
            Ok(made) => made,
            Err(reason) => {
                eprintln!("skipped: {test}: {reason}");
                return None;
            }
        };
        for (at, (gateway, address)) in GATEWAYS.into_iter().enumerate() {
            let (own, name) = (format!("10.77.{at}.2"), format!("a{at}"));
            agent.cable((&name, &own), &world, (gateway, address));
            route(&agent, &name);
        }
        for address in [SERVER, NAMES] {
            world.ip(&["address", "add", &format!("{address}/32"), "dev", "lo"]);
        }
        let names = NameServer::start(&world, NAMES.parse().unwrap(), SERVER.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let at = format!("{SERVER}:0");
        let place = folder.path().join("server");
        let server = world.within(|| Server::start_at(&at, &place, SERVER_ID, &[]));
        let place = folder.path().join("agent");
        let daemon = agent.within(|| Agent::start(&place, config));
        let bench = Bench::of(folder, server, daemon, "wbxml");
        Some(Self {
            bench,
            names,
            agent,
            world,
        })
    }

    /// Lets the server be known by a name instead of an address.
    fn by_name(&self) {
        let url = self.bench.server.url().replace(SERVER, "dm.test");
        let place = format!("./DMAcc/{ACCOUNT}/AppAddr/1/Addr");
        self.agent_done(&["set", &place, &url]);
    }

    fn agent_done(&self, arguments: &[&str]) {
        self.bench.agent.run(arguments).expect_success();
    }

    fn set(&self, options: &[&str]) {
        self.agent_done(&[&["account", "set", ACCOUNT], options].concat());
    }

    fn down(&self, link: &str) {
        self.agent.ip(&["link", "set", link, "down"]);
    }

    fn up(&self, link: &str) {
        self.agent.up(link);
        route(&self.agent, link);
    }

    /// Runs a session, and counts what arrives over each link. Links that are down meanwhile
    /// come up for the marks that end the count.
    fn session(&self, down: &[&str]) -> (Value, BTreeMap<String, Frames>) {
        let links = GATEWAYS.map(|(link, _)| link);
        let capture = Capture::begin(&self.world, &links);
        let session = self.bench.session();
        for link in down {
            self.up(link);
        }
        let marks = [("a0", GATEWAYS[0].1), ("a1", GATEWAYS[1].1)];
        let counted = capture.end(&self.agent, &marks);
        for link in down {
            self.down(link);
        }
        eprintln!("{} {counted:?}", session["result"]);
        (session, counted)
    }

    fn account(&self) -> Value {
        self.bench.agent.json(&["account", "show", ACCOUNT])
    }

    fn waiting(&self) -> String {
        let text = self.account()["waiting"].as_str().unwrap_or("").to_owned();
        let status = self.bench.agent.run(&["status"]).expect_success();
        assert_eq!(
            status.contains(&format!("waiting: {text}")),
            !text.is_empty()
        );
        text
    }
}

fn packets(counted: &BTreeMap<String, Frames>) -> [u32; 2] {
    GATEWAYS.map(|(link, _)| counted[link].packets)
}

#[test]
fn a_bound_session_keeps_to_its_link_with_its_names() {
    let Some(lab) = Lab::new("a_bound_session_keeps_to_its_link_with_its_names", CONFIG) else {
        return;
    };
    // Where the routes lead without a reference.
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first == 0 && second > 0, "{counted:?}");

    lab.by_name();
    for (reference, right) in [("first", 0), ("second", 1)] {
        lab.set(&["--connect", reference]);
        let asked = lab.names.asked();
        let (session, counted) = lab.session(&[]);
        assert_eq!(session["result"], "completed", "{session}");
        assert!(lab.names.asked() > asked);
        let packets = packets(&counted);
        assert!(packets[right] > 0, "{counted:?}");
        assert_eq!(packets[1 - right], 0, "{counted:?}");
    }
}

#[test]
fn the_next_link_is_taken_when_the_first_is_down_or_leads_nowhere() {
    let test = "the_next_link_is_taken_when_the_first_is_down_or_leads_nowhere";
    let Some(lab) = Lab::new(test, CONFIG) else {
        return;
    };
    lab.by_name();
    lab.set(&["--connect", "second", "--connect", "first"]);
    lab.down("a1");
    assert_eq!(lab.waiting(), "");
    let (session, counted) = lab.session(&["a1"]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first > 0 && second == 0, "{counted:?}");

    // It is up, but nobody answers there: the session is lost and begun anew over the next one.
    lab.up("a1");
    lab.world.ip(&["address", "flush", "dev", "p1"]);
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first > 0 && second > 0, "{counted:?}");
}

#[test]
fn a_link_that_is_lost_in_mid_session_ends_it_and_the_next_is_taken() {
    let test = "a_link_that_is_lost_in_mid_session_ends_it_and_the_next_is_taken";
    let Some(mut lab) = Lab::new(test, CONFIG) else {
        return;
    };
    lab.by_name();
    lab.set(&["--connect", "first", "--connect", "second"]);
    // The server's kernel takes the connection, and the server itself does not answer.
    lab.bench.server.process().signal(Signal::SIGSTOP);
    let mut session = lab.bench.agent.command(&["session", "--json"]);
    let session = session.stdout(Stdio::piped()).spawn().unwrap();
    let from = Instant::now();
    while lab.bench.agent.json(&["status"])["status"]["session"]["messages_sent"] != 1 {
        assert!(from.elapsed() < PATIENCE, "the session has not begun");
        sleep(Duration::from_millis(10));
    }
    lab.down("a0");
    lab.bench.server.process().signal(Signal::SIGCONT);
    let ended = session.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["session"]["result"], "completed", "{report}");
    let log = lab.bench.agent.process().log();
    assert!(log.contains("over a1: connected"), "{log}");
}

#[test]
fn nothing_is_sent_while_every_link_is_down() {
    let Some(lab) = Lab::new("nothing_is_sent_while_every_link_is_down", CONFIG) else {
        return;
    };
    lab.by_name();
    lab.set(&["--connect", "first", "--connect", "interface:a1"]);
    for link in ["a0", "a1"] {
        lab.down(link);
    }
    assert_eq!(lab.waiting(), "a0 is down; a1 is down");
    let asked = lab.names.asked();
    let (session, counted) = lab.session(&["a0", "a1"]);
    assert_eq!(session["result"], "no-link", "{session}");
    assert_eq!(session["detail"], "a0 is down; a1 is down");
    assert_eq!(packets(&counted), [0, 0]);
    assert_eq!(lab.names.asked(), asked);
    // The other end is unplugged: there is no carrier.
    lab.up("a0");
    lab.world.ip(&["link", "set", "p0", "down"]);
    assert_eq!(lab.waiting(), "a0 has no carrier; a1 is down");
    lab.world.ip(&["link", "set", "p0", "up"]);
    lab.agent.ip(&["address", "flush", "dev", "a0"]);
    assert_eq!(lab.waiting(), "a0 has no address; a1 is down");
}

#[test]
fn an_account_that_waits_for_its_link_is_served_when_it_comes() {
    let test = "an_account_that_waits_for_its_link_is_served_when_it_comes";
    let schedule = "[schedule]\ninterval = \"1d\"\n[retry]\ninitial = \"6h\"\nmax = \"6h\"\n";
    let Some(lab) = Lab::new(test, &format!("{CONFIG}{schedule}")) else {
        return;
    };
    lab.set(&["--connect", "interface:a0"]);
    lab.down("a0");
    assert_eq!(lab.bench.session()["result"], "no-link");
    // It has no default route, so that only the links themselves tell.
    lab.agent.up("a0");
    let server = format!("{SERVER}/32");
    let way = ["route", "add", &server, "via", GATEWAYS[0].1, "dev", "a0"];
    lab.agent.ip(&way);
    let from = Instant::now();
    while lab.account()["last_result"] != "completed" {
        let waited = from.elapsed();
        assert!(waited < Duration::from_mins(3), "{}", lab.account());
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_default_route_is_taken_only_where_the_account_allows_it() {
    let test = "the_default_route_is_taken_only_where_the_account_allows_it";
    let Some(mut lab) = Lab::new(test, CONFIG) else {
        return;
    };
    lab.set(&["--connect", "third", "--connect", "modem:0"]);
    let reason = "agent.toml has no [connectivity.third]; \
                  this build cannot open the bearer of a modem";
    assert_eq!(lab.waiting(), reason);
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "no-link", "{session}");
    assert_eq!(packets(&counted), [0, 0]);
    assert_eq!(lab.account()["default_route"], "deny");

    lab.set(&["--default-route", "allow"]);
    assert_eq!(lab.waiting(), "");
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first == 0 && second > 0, "{counted:?}");
    let log = lab.bench.agent.process().log();
    assert!(log.contains("over the default route"), "{log}");

    // Its server may name another link, but not get to the default route by naming none.
    lab.set(&["--default-route", "deny"]);
    for leaf in ["PrefConRef", "ToConRef/1/ConRef"] {
        lab.agent_done(&["set", &format!("./DMAcc/{ACCOUNT}/{leaf}"), ""]);
    }
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "no-link", "{session}");
    assert_eq!(packets(&counted), [0, 0]);
}

#[test]
fn a_metered_link_is_left_alone_by_an_account_that_denies_it() {
    let test = "a_metered_link_is_left_alone_by_an_account_that_denies_it";
    let Some(lab) = Lab::new(test, CONFIG) else {
        return;
    };
    // The default route leads over the metered link.
    lab.set(&["--metered", "deny"]);
    assert_eq!(lab.waiting(), "a1 is metered");
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "no-link", "{session}");
    assert_eq!(packets(&counted), [0, 0]);

    lab.set(&["--connect", "interface:a1", "--connect", "first"]);
    lab.by_name();
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first > 0 && second == 0, "{counted:?}");
    let shown = lab.account();
    assert_eq!(
        shown["connections"][0]["reason"], "a1 is metered",
        "{shown}"
    );
    assert_eq!(shown["connections"][1]["interface"], "a0", "{shown}");

    lab.set(&["--metered", "allow", "--connect", "costly"]);
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    let [first, second] = packets(&counted);
    assert!(first == 0 && second > 0, "{counted:?}");
}

#[test]
fn a_session_is_bound_to_a_vrf() {
    let test = "a_session_is_bound_to_a_vrf";
    let config = "[connectivity.management]\nvrf = \"blue\"\ndns = [\"10.77.9.53\"]";
    let Some(lab) = Lab::new(test, config) else {
        return;
    };
    let add = ["link", "add", "blue", "type", "vrf", "table", "77"];
    let made = lab.agent.try_ip(&add);
    if made.code != 0 {
        eprintln!(
            "skipped: {test}: this kernel has no VRF: {}",
            made.err.trim()
        );
        return;
    }
    lab.agent.ip(&["link", "set", "blue", "up"]);
    lab.agent.ip(&["link", "set", "a0", "master", "blue"]);
    let default = ["route", "add", "default", "via", "10.77.0.1", "dev", "a0"];
    lab.agent.ip(&[&default[..], &["table", "77"]].concat());
    lab.by_name();
    lab.set(&["--connect", "management"]);
    let asked = lab.names.asked();
    let (session, counted) = lab.session(&[]);
    assert_eq!(session["result"], "completed", "{session}");
    assert!(lab.names.asked() > asked);
    let [first, second] = packets(&counted);
    assert!(first > 0 && second == 0, "{counted:?}");
}
