//! What travels on local lines: Package 0, and packets of OBEX.

use std::fmt::Write as _;
use std::io::{self, Write};

use bytes::Bytes;
use omadm_bindings::obex::{
    Capture, CaptureError, Captured, CapturedCode, ConnectFields, Header, HeaderValue,
};
use omadm_syncml::notification::{self, Package0};
use serde::Serialize;

use super::super::document::JsonElement;
use super::super::print::{Harmless, Style};
use super::{decode, render};

/// What was found.
pub(super) enum Found {
    /// A notification.
    Notification(Box<Package0>),
    /// Packets, and where they end too early.
    Capture(Vec<Captured>, Option<CaptureError>),
}

/// Reads octets that are no document; the error says what was tried.
pub(super) fn read(octets: &[u8]) -> Result<Found, String> {
    let octets = hexadecimal(octets).unwrap_or_else(|| octets.to_vec());
    let (packets, rest) = capture(&octets);
    match (packets, rest, Package0::parse(&octets)) {
        // The digest of a notification may begin as a packet does, but hardly fits as one.
        (packets, None, _) if !packets.is_empty() => Ok(Found::Capture(packets, None)),
        (_, _, Ok(package)) => Ok(Found::Notification(Box::new(package))),
        (packets, rest, Err(_)) if !packets.is_empty() => Ok(Found::Capture(packets, rest)),
        (_, None, Err(package)) => Err(format!("no Package 0: {package}")),
        (_, Some(capture), Err(package)) => Err(format!(
            "no Package 0: {package}; no capture of OBEX: {capture}"
        )),
    }
}

/// The packets of a capture, and why it is none from somewhere on. The AT dialogue before OBEX
/// is passed over, and so is the one after it.
fn capture(octets: &[u8]) -> (Vec<Captured>, Option<CaptureError>) {
    let is_text = |octet: &u8| matches!(octet, b' '..=b'~' | b'\r' | b'\n');
    let begin = octets.iter().position(|octet| !is_text(octet)).unwrap_or(0);
    let end = octets
        .iter()
        .rposition(|octet| !is_text(octet))
        .map_or(0, |at| at + 1);
    let (mut packets, mut fault) = (Vec::new(), None);
    let whole = Bytes::copy_from_slice(octets.get(begin..).unwrap_or_default());
    for packet in Capture::new(whole) {
        match packet {
            Ok(packet) => packets.push(packet),
            Err(error) => fault = Some(error),
        }
    }
    // The last packet may end with text of its own, so this is only known now.
    let fault = fault.filter(|fault| packets.is_empty() || begin + fault.offset < end);
    (packets, fault)
}

/// The octets of a text in hexadecimal, with whatever marks the direction of its lines, and with
/// comments behind `#`; `None` if it is no such text.
fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut digits = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let line = unmarked(line.trim());
        for c in line.chars().filter(|c| !c.is_whitespace()) {
            digits.push(u8::try_from(c.to_digit(16)?).ok()?);
        }
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    let whole = rest.is_empty() && !pairs.is_empty();
    whole.then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// A line without the mark of its direction: an arrow, or the letter of an end and a blank.
fn unmarked(line: &str) -> &str {
    let line = line.trim_start_matches(['>', '<']);
    let lettered = line.strip_prefix("C ").or_else(|| line.strip_prefix("S "));
    lettered.unwrap_or(line)
}

impl Found {
    pub(super) fn print(&self, style: Style, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Notification(package) => write!(out, "{package}"),
            Self::Capture(packets, rest) => {
                let mut printer = Printer {
                    style,
                    out,
                    object: Object::default(),
                };
                printer.packets(packets)?;
                rest.map_or(Ok(()), |fault| {
                    writeln!(out, "{}", style.bad(&format!("no OBEX any more {fault}")))
                })
            }
        }
    }

    pub(super) fn json(&self) -> Json {
        match self {
            Self::Notification(package) => Json::Notification(package_json(package)),
            Self::Capture(packets, _) => {
                let mut object = Object::default();
                let packets = packets
                    .iter()
                    .map(|packet| packet_json(packet, &mut object));
                Json::Obex(packets.collect())
            }
        }
    }
}

/// An object that is put together from its parts.
#[derive(Default)]
struct Object {
    kind: Option<String>,
    octets: Vec<u8>,
}

impl Object {
    /// Takes the parts of a packet; the whole, once it is there.
    fn take(&mut self, packet: &Captured) -> Option<Object> {
        if matches!(packet.what, CapturedCode::Request(_))
            && let Some(kind) = packet.kind()
        {
            *self = Self {
                kind: Some(kind),
                octets: Vec::new(),
            };
        }
        packet
            .parts()
            .for_each(|part| self.octets.extend_from_slice(part));
        let whole = packet.ends_object() && !self.octets.is_empty();
        whole.then(|| std::mem::take(self))
    }

    fn package(&self) -> Option<Package0> {
        let kind = self.kind.as_deref()?.split(';').next()?.trim();
        let is = kind.eq_ignore_ascii_case(notification::MEDIA_TYPE);
        is.then(|| Package0::parse(&self.octets).ok()).flatten()
    }
}

struct Printer<'a> {
    style: Style,
    out: &'a mut dyn Write,
    object: Object,
}

impl Printer<'_> {
    fn packets(&mut self, packets: &[Captured]) -> io::Result<()> {
        let octets: usize = packets.iter().map(|packet| packet.length).sum();
        let heading = format!("OBEX, {} packets, {octets} octets", packets.len());
        writeln!(self.out, "{}", self.style.faint(&heading))?;
        packets.iter().try_for_each(|packet| self.packet(packet))
    }

    fn packet(&mut self, packet: &Captured) -> io::Result<()> {
        let mark = match packet.what {
            CapturedCode::Request(_) => ">",
            CapturedCode::Response(_) => "<",
        };
        let what = self.style.strong(&packet.what.to_string());
        let length = self.style.faint(&format!("({} octets)", packet.length));
        write!(self.out, "{mark} {what}")?;
        if let Some(ConnectFields { version, mtu, .. }) = packet.connect {
            write!(
                self.out,
                " version {}.{}, packets to {mtu}",
                version >> 4,
                version & 15
            )?;
        }
        writeln!(self.out, " {length}")?;
        for header in &packet.headers {
            let (name, value) = (header_name(header), header_text(header));
            writeln!(self.out, "    {name} {}", Harmless(&value))?;
        }
        if let Some(fault) = packet.fault {
            writeln!(self.out, "    {}", self.style.bad(&fault.to_string()))?;
        }
        match self.object.take(packet) {
            Some(object) => self.object(&object),
            None => Ok(()),
        }
    }

    /// What the parts together are.
    fn object(&mut self, object: &Object) -> io::Result<()> {
        if let Some(package) = object.package() {
            let text = package.to_string();
            return text
                .lines()
                .try_for_each(|line| writeln!(self.out, "    {line}"));
        }
        match decode(&object.octets) {
            Ok((_, element)) => render(&element, 2, self.style, self.out),
            Err(_) => Ok(()),
        }
    }
}

fn header_name(header: &Header) -> String {
    match header.id.name() {
        Some(name) => name.to_owned(),
        None => format!("0x{:02X}", header.id.0),
    }
}

/// Octets that are shown at most of a value that is none of text.
const SHOWN: usize = 32;

fn header_text(header: &Header) -> String {
    match &header.value {
        HeaderValue::Text(text) => text.clone(),
        HeaderValue::Octet(octet) => format!("0x{octet:02X}"),
        HeaderValue::Word(word) => word.to_string(),
        HeaderValue::Octets(octets) => octets_text(octets, matches!(header.id.0, 0x48 | 0x49)),
    }
}

fn octets_text(octets: &[u8], part: bool) -> String {
    if part {
        return format!("{} octets", octets.len());
    }
    let text = std::str::from_utf8(octets).map(|text| text.trim_end_matches(['\0', '\r', '\n']));
    match text {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => {
            let shown = octets
                .iter()
                .take(SHOWN)
                .map(|octet| format!("{octet:02x}"));
            let more = if octets.len() > SHOWN { "…" } else { "" };
            shown.collect::<String>() + more
        }
    }
}

fn hex<'a>(octets: impl Iterator<Item = &'a u8>) -> String {
    octets.fold(String::new(), |mut text, octet| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// What was found, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Json {
    Notification(JsonPackage),
    Obex(Vec<JsonPacket>),
}

#[derive(Serialize)]
pub(super) struct JsonPackage {
    digest: String,
    version: u16,
    ui_mode: String,
    initiator: String,
    session_id: String,
    server_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    vendor: String,
}

#[derive(Serialize)]
pub(super) struct JsonPacket {
    offset: usize,
    length: usize,
    direction: &'static str,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    largest_packet: Option<u16>,
    headers: Vec<JsonHeader>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<JsonPackage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<JsonElement>,
}

#[derive(Serialize)]
struct JsonHeader {
    id: u8,
    name: String,
    value: String,
}

fn package_json(package: &Package0) -> JsonPackage {
    let notification = package.notification();
    JsonPackage {
        digest: hex(package.digest().iter()),
        version: notification.version,
        ui_mode: notification.ui_mode.to_string(),
        initiator: notification.initiator.to_string(),
        session_id: notification.session_text(),
        server_id: notification.server_id.clone(),
        vendor: hex(notification.vendor.iter()),
    }
}

fn packet_json(packet: &Captured, object: &mut Object) -> JsonPacket {
    let whole = object.take(packet);
    let notification = whole.as_ref().and_then(Object::package);
    let document = whole
        .as_ref()
        .and_then(|object| decode(&object.octets).ok());
    let header = |header: &Header| JsonHeader {
        id: header.id.0,
        name: header_name(header),
        value: header_text(header),
    };
    JsonPacket {
        offset: packet.offset,
        length: packet.length,
        direction: match packet.what {
            CapturedCode::Request(_) => "request",
            CapturedCode::Response(_) => "response",
        },
        code: packet.what.to_string(),
        largest_packet: packet.connect.map(|fields| fields.mtu),
        headers: packet.headers.iter().map(header).collect(),
        fault: packet.fault.map(|fault| fault.to_string()),
        notification: notification.as_ref().map(package_json),
        document: document.map(|(_, element)| JsonElement::new(&element)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALOGUE: &str = "\
        # captured from libopenobex
        C 80 0013 10 00 0400 46 000C 53594E434D4C2D444D
        S A0 0018 10 00 0200 CB 00000001 4A 000C 53594E434D4C2D444D
        C 81 0008 CB 00000001
        S A0 0003
        C0 0003";

    fn printed(octets: &[u8]) -> String {
        let mut out = Vec::new();
        read(octets).unwrap().print(Style::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_capture_in_hexadecimal_is_told_packet_by_packet() {
        let text = printed(DIALOGUE.as_bytes());
        let expected = "\
OBEX, 5 packets, 57 octets
> CONNECT version 1.0, packets to 1024 (19 octets)
    Target SYNCML-DM
< 0xA0 (OK) version 1.0, packets to 512 (24 octets)
    ConnectionID 1
    Who SYNCML-DM
> DISCONNECT (8 octets)
    ConnectionID 1
< 0xA0 (OK) (3 octets)
< 0xC0 (Bad Request) (3 octets)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn objects_are_put_together_and_read() {
        let text = include_str!("../../../../../tests/vectors/package0.json");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let package = json["vectors"][0]["package0_hex"].as_str().unwrap();
        let (head, rest) = package.split_at(20);
        let kind = "6170706c69636174696f6e2f766e642e73796e636d6c2e6e6f74696669636174696f6e00";
        let length = |octets: usize| format!("{:04x}", octets + 3);
        let first = format!("42 0027 {kind} 48 {} {head}", length(10));
        let capture = format!(
            "02 {} {first} 90 0003 82 {} 48 {} {rest}",
            length(39 + 13),
            length(rest.len() / 2 + 3),
            length(rest.len() / 2),
        );
        let text = printed(capture.as_bytes());
        assert!(text.contains("server id: com.example.dm"), "{text}");
        let found = read(capture.as_bytes()).unwrap();
        let json = serde_json::to_value(found.json()).unwrap();
        assert_eq!(json["obex"][2]["notification"]["session_id"], "1234");
        let alone = printed(package.as_bytes());
        assert!(alone.starts_with("Package 0\n"), "{alone}");
    }

    #[test]
    fn what_stands_around_packets_costs_none_of_them() {
        let connect = b"\x80\0\x07\x10\0\x04\0";
        let around = [b"AT+CPROT=0\r\r\nCONNECT\r\n", &connect[..], b"\r\nOK\r\n"].concat();
        let text = printed(&around);
        assert!(text.contains("> CONNECT version 1.0"), "{text}");
        assert!(!text.contains("any more"), "{text}");
        let cut = [&connect[..], b"\x82\0\x09\x48"].concat();
        let text = printed(&cut);
        assert!(text.contains("> CONNECT"), "{text}");
        assert!(
            text.contains("no OBEX any more at octet 7: the packet is cut off"),
            "{text}"
        );
    }

    #[test]
    fn what_is_neither_says_why() {
        let error = read(b"hello").err().unwrap();
        assert!(error.contains("no Package 0: "), "{error}");
        assert!(error.contains("no capture of OBEX: at octet 0"), "{error}");
        assert!(read(b"").is_err());
    }
}
