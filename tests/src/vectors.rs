//! The vectors of OBEX conversations, in `vectors/obex`.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a vector that cannot be read says which"
)]

use serde_json::Value;
use std::fmt::Write as _;

/// What a peer sends, and what it has to be answered.
pub type Talk = Vec<(Vec<u8>, Vec<u8>)>;

/// A conversation with a server of ours.
#[derive(Debug, Clone)]
pub struct ServerVector {
    /// What it is about.
    pub name: String,
    /// Requests and their answers; no answer at all is an empty one.
    pub talk: Talk,
    /// Type and octets of each object that has to come out.
    pub puts: Vec<(String, Vec<u8>)>,
    /// What GETs are answered with, in turn; with Not Found when there is no more.
    pub objects: Vec<Vec<u8>>,
    /// The largest packet that the server takes.
    pub receive: u16,
    /// The largest object that the server takes.
    pub object: usize,
    /// Whether objects of any Type are taken.
    pub admits_any: bool,
    /// Whether the last request is no packet.
    pub disturbs: bool,
    /// Whether it is meant for a transport of datagrams alone.
    pub datagrams: bool,
}

/// One operation of a client of ours.
#[derive(Debug, Clone)]
pub enum Deed {
    /// CONNECT
    Connect,
    /// PUT of an object with this Type and these octets.
    Put(String, Vec<u8>),
    /// GET of an object of this Type.
    Get(String),
    /// DISCONNECT
    Disconnect,
}

/// A conversation of a client of ours.
#[derive(Debug, Clone)]
pub struct ClientVector {
    /// What it is about.
    pub name: String,
    /// Whether it is for the service of device management.
    pub has_target: bool,
    /// What challenges are answered with.
    pub secret: Option<String>,
    /// The largest packet that the client takes.
    pub receive: u16,
    /// The largest object that the client takes.
    pub object: usize,
    /// Whether it is meant for a transport without datagrams alone.
    pub streams: bool,
    /// What is done, how requests and answers go, and how it ends.
    pub deeds: Vec<(Deed, Talk, String)>,
}

/// Reads octets in hexadecimal.
pub fn octets(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs
        .map(|pair| octet(pair).unwrap_or_else(|| panic!("{hex}: not hexadecimal")))
        .collect()
}

/// Writes them.
pub fn hex(octets: &[u8]) -> String {
    let mut out = String::with_capacity(2 * octets.len());
    for octet in octets {
        // A string takes everything.
        let _ = write!(out, "{octet:02X}");
    }
    out
}

/// The conversations with a server.
pub fn server() -> Vec<ServerVector> {
    let all = array(include_str!("../vectors/obex/server.json"));
    all.iter().map(server_vector).collect()
}

/// The conversations of a client.
pub fn client() -> Vec<ClientVector> {
    let all = array(include_str!("../vectors/obex/client.json"));
    all.iter().map(client_vector).collect()
}

fn array(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("vectors in JSON")
}

fn server_vector(value: &Value) -> ServerVector {
    let puts = list(value, "puts").iter().map(|pair| {
        let (kind, body) = pair_of(pair);
        (kind.to_owned(), octets(body))
    });
    let objects = list(value, "objects").iter();
    ServerVector {
        name: text(value, "name").to_owned(),
        talk: talk(value),
        puts: puts.collect(),
        objects: objects.filter_map(Value::as_str).map(octets).collect(),
        receive: number(value, "receive", u64::from(u16::MAX)),
        object: number(value, "object", 1 << 20),
        admits_any: text(value, "admit") == "any",
        disturbs: text(value, "ends") == "disturbed",
        datagrams: text(value, "framing") == "packet",
    }
}

fn client_vector(value: &Value) -> ClientVector {
    let deeds = list(value, "do").iter();
    ClientVector {
        name: text(value, "name").to_owned(),
        has_target: value.get("target").is_none(),
        secret: value
            .get("secret")
            .and_then(Value::as_str)
            .map(str::to_owned),
        receive: number(value, "receive", u64::from(u16::MAX)),
        object: number(value, "object", 1 << 20),
        streams: text(value, "framing") == "stream",
        deeds: deeds
            .map(|one| (deed(one), talk(one), text(one, "is").to_owned()))
            .collect(),
    }
}

fn deed(value: &Value) -> Deed {
    if let Some(pair) = value.get("put") {
        let (kind, body) = pair_of(pair);
        Deed::Put(kind.to_owned(), octets(body))
    } else if value.get("get").is_some() {
        Deed::Get(text(value, "get").to_owned())
    } else if value.get("disconnect").is_some() {
        Deed::Disconnect
    } else {
        Deed::Connect
    }
}

fn talk(value: &Value) -> Talk {
    let steps = list(value, "talk").iter().map(pair_of);
    steps
        .map(|(request, answer)| (octets(request), octets(answer)))
        .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let list = value.get(key).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn pair_of(value: &Value) -> (&str, &str) {
    let at = |at| value.get(at).and_then(Value::as_str);
    match (at(0), at(1)) {
        (Some(one), Some(other)) => (one, other),
        _ => panic!("{value}: not a pair"),
    }
}

fn number<T: TryFrom<u64>>(value: &Value, key: &str, without: u64) -> T {
    let number = value.get(key).and_then(Value::as_u64).unwrap_or(without);
    T::try_from(number).unwrap_or_else(|_| panic!("{key}: {number} is too large"))
}
