//! The messages of a session, for people: one line a command, one line an item.

use std::fmt::Display;
use std::io::{self, Write};

use omadm_syncml::{
    Alert, Command, Container, Cred, Data, Header, Item, Limits, Location, MediaType, Message,
    Meta, Request, Results, Status, decode,
};

use super::codes;
use super::decode;
use super::print::{Harmless, Style};
use crate::control::wire::{Direction, TraceEntry};

/// How much of a value is shown, in characters.
const MAX_VALUE: usize = 120;

/// How much of a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A line for each command and item.
    Summary,
    /// Every element.
    Whole,
}

/// Prints one message.
pub(super) fn render(
    entry: &TraceEntry,
    detail: Detail,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let package = entry.package;
    let arrow = match entry.direction {
        Direction::Sent => format!("Pkg {package} ->"),
        Direction::Received => format!("<- Pkg {package}"),
    };
    let facts = format!("{} bytes, {}", entry.bytes, Harmless(&entry.media_type));
    let time = entry
        .time
        .as_deref()
        .map_or_else(String::new, |time| format!(", {}", Harmless(time)));
    writeln!(
        out,
        "{}  {}",
        style.strong(&arrow),
        style.faint(&(facts + &time))
    )?;
    if let Some(reason) = excuse(&entry.xml) {
        return unreadable(&reason, style, out);
    }
    match detail {
        Detail::Whole => match decode::decode(entry.xml.as_bytes()) {
            Ok((_, element)) => decode::render(&element, 1, style, out),
            Err(reason) => unreadable(&format_args!("cannot be read: {reason}"), style, out),
        },
        Detail::Summary => match decode(MediaType::DmXml, entry.xml.as_bytes(), &Limits::default())
        {
            Ok(message) => Lines { style, out }.message(&message),
            Err(reason) => unreadable(&format_args!("cannot be read: {reason}"), style, out),
        },
    }
}

/// Where there is no message to show, the daemon says why in a comment.
fn excuse(xml: &str) -> Option<&str> {
    Some(xml.strip_prefix("<!--")?.strip_suffix("-->")?.trim())
}

fn unreadable(reason: &dyn Display, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let reason = Harmless(&reason.to_string()).to_string();
    writeln!(out, "  {}", style.bad(&reason))
}

struct Lines<'a> {
    style: Style,
    out: &'a mut dyn Write,
}

impl Lines<'_> {
    fn message(&mut self, message: &Message) -> io::Result<()> {
        self.header(&message.header)?;
        for command in &message.commands {
            self.command(command, 1)?;
        }
        if message.is_final {
            self.line(1, "Final", &"")?;
        }
        Ok(())
    }

    fn line(&mut self, depth: usize, name: &str, rest: &dyn Display) -> io::Result<()> {
        let name = self.style.strong(&Harmless(name).to_string());
        let line = format!("{:1$}{name}  {rest}", "", depth * 2);
        writeln!(self.out, "{}", line.trim_end())
    }

    fn header(&mut self, header: &Header) -> io::Result<()> {
        let mut facts = vec![
            format!("session {}", header.session_id),
            format!("message {}", header.msg_id),
            format!("{} -> {}", header.source.uri, header.target.uri),
        ];
        facts.extend(
            header
                .cred
                .as_ref()
                .map(|cred| format!("Cred {}", scheme(cred))),
        );
        facts.extend(header.resp_uri.as_ref().map(|uri| format!("RespURI {uri}")));
        let size = header.meta.max_msg_size;
        facts.extend(size.map(|size| format!("MaxMsgSize {size}")));
        self.line(1, "SyncHdr", &Harmless(&facts.join(", ")))
    }

    fn command(&mut self, command: &Command, depth: usize) -> io::Result<()> {
        match command {
            Command::Add(request) => self.request("Add", request, depth),
            Command::Replace(request) => self.request("Replace", request, depth),
            Command::Delete(request) => self.request("Delete", request, depth),
            Command::Copy(request) => self.request("Copy", request, depth),
            Command::Get(request) => self.request("Get", request, depth),
            Command::Exec(request) => self.request("Exec", request, depth),
            Command::Alert(alert) => self.alert(alert, depth),
            Command::Atomic(container) => self.container("Atomic", container, depth),
            Command::Sequence(container) => self.container("Sequence", container, depth),
            Command::Results(results) => self.results(results, depth),
            Command::Status(status) => self.status(status, depth),
            Command::Other(element) => {
                self.line(depth, &element.name.local, &"(not a command of DM)")
            }
        }
    }

    fn request(&mut self, name: &str, request: &Request, depth: usize) -> io::Result<()> {
        let correlator = request.correlator.as_deref();
        let correlator =
            correlator.map_or_else(String::new, |text| format!("Correlator {}", Harmless(text)));
        self.line(depth, &format!("{name} {}", request.cmd_id), &correlator)?;
        self.items(&request.items, &request.meta, depth + 1)
    }

    fn container(&mut self, name: &str, container: &Container, depth: usize) -> io::Result<()> {
        self.line(depth, &format!("{name} {}", container.cmd_id), &"")?;
        // the decoder bounds how deep containers nest
        container
            .commands
            .iter()
            .try_for_each(|command| self.command(command, depth + 1))
    }

    fn alert(&mut self, alert: &Alert, depth: usize) -> io::Result<()> {
        let code = alert.data.as_deref().unwrap_or_default();
        let code = explained("Alert", code);
        self.line(depth, &format!("Alert {}", alert.cmd_id), &code)?;
        self.items(&alert.items, &Meta::default(), depth + 1)
    }

    fn results(&mut self, results: &Results, depth: usize) -> io::Result<()> {
        let refs = format!(
            "to Get {} of message {}",
            results.cmd_ref.as_deref().unwrap_or("1"),
            results.msg_ref.as_deref().unwrap_or("1")
        );
        self.line(
            depth,
            &format!("Results {}", results.cmd_id),
            &Harmless(&refs),
        )?;
        self.items(&results.items, &results.meta, depth + 1)
    }

    fn status(&mut self, status: &Status, depth: usize) -> io::Result<()> {
        let code = explained("Status", &status.data);
        let command = match status.cmd_ref.as_deref() {
            None | Some("0") => status.cmd.clone(),
            Some(cmd_ref) => format!("{} {cmd_ref}", status.cmd),
        };
        let mut facts = vec![format!("to {command} of message {}", status.msg_ref)];
        facts.extend(status.target_refs.iter().cloned());
        facts.extend(status.chal.as_ref().map(|chal| {
            let scheme = chal.type_.as_deref().unwrap_or("of no scheme");
            format!("Chal {scheme}")
        }));
        let facts = facts.join(", ");
        let name = format!("Status {}", status.cmd_id);
        self.line(depth, &name, &format_args!("{code} {}", Harmless(&facts)))?;
        self.items(&status.items, &Meta::default(), depth + 1)
    }

    fn items(&mut self, items: &[Item], meta: &Meta, depth: usize) -> io::Result<()> {
        items.iter().try_for_each(|item| {
            let text = item_line(item, meta);
            writeln!(self.out, "{:1$}{text}", "", depth * 2)
        })
    }
}

fn scheme(cred: &Cred) -> &str {
    cred.meta.type_.as_deref().unwrap_or("syncml:auth-basic")
}

fn explained(parent: &str, code: &str) -> String {
    let code_text = Harmless(code.trim());
    match codes::meaning(parent, code) {
        Some(meaning) => format!("{code_text} ({meaning})"),
        None => code_text.to_string(),
    }
}

/// `TARGET <- SOURCE [FORMAT] = VALUE`, as much of it as the item has.
fn item_line(item: &Item, meta: &Meta) -> String {
    let uri = |location: &Option<Location>| {
        location
            .as_ref()
            .map(|location| Harmless(&location.uri).to_string())
    };
    let mut parts = vec![match (uri(&item.target), uri(&item.source)) {
        (Some(target), Some(source)) => format!("{target} <- {source}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "(no address)".to_owned(),
    }];
    let format = item.meta.format.as_deref().or(meta.format.as_deref());
    let format = format.filter(|format| *format != "chr");
    parts.extend(format.map(|format| format!("[{}]", Harmless(format))));
    let type_ = item.meta.type_.as_deref();
    parts.extend(type_.map(|type_| Harmless(type_).to_string()));
    parts.extend(item.data.as_ref().map(|data| format!("= {}", value(data))));
    parts.extend(item.more_data.then(|| "(more follows)".to_owned()));
    parts.join(" ")
}

fn value(data: &Data) -> String {
    match data {
        Data::Text(text) => shortened(text),
        Data::Opaque(octets) => match std::str::from_utf8(octets) {
            Ok(text) if !text.contains(char::is_control) => shortened(text),
            _ => format!("({} octets)", octets.len()),
        },
        Data::Elements(elements) => {
            let names: Vec<&str> = elements
                .iter()
                .map(|element| element.name.local.as_ref())
                .collect();
            format!("<{}>", Harmless(&names.join(">, <")))
        }
    }
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(MAX_VALUE).collect();
    let dots = if start.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", Harmless(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD>
        <VerProto>DM/1.2</VerProto><SessionID>5</SessionID><MsgID>2</MsgID>
        <Target><LocURI>IMEI:1</LocURI></Target><Source><LocURI>http://s/dm</LocURI></Source>
        <Cred><Meta><Type xmlns="syncml:metinf">syncml:auth-md5</Type></Meta><Data>***</Data></Cred>
        </SyncHdr><SyncBody>
        <Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>212</Data></Status>
        <Atomic><CmdID>2</CmdID><Replace><CmdID>3</CmdID><Item><Target><LocURI>./DevInfo/Lang</LocURI></Target>
        <Data>de</Data></Item></Replace></Atomic>
        <Alert><CmdID>4</CmdID><Data>1222</Data></Alert>
        <Get><CmdID>5</CmdID><Item><Target><LocURI>./DevDetail?list=StructData</LocURI></Target></Item></Get>
        <Final/></SyncBody></SyncML>"#;

    fn rendered(detail: Detail, xml: &str) -> String {
        let entry = TraceEntry {
            direction: Direction::Received,
            package: 2,
            media_type: "application/vnd.syncml.dm+wbxml".to_owned(),
            bytes: 321,
            xml: xml.to_owned(),
            ..TraceEntry::default()
        };
        let mut out = Vec::new();
        render(&entry, detail, Style::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_is_summed_up_line_by_line() {
        assert_eq!(
            rendered(Detail::Summary, MESSAGE),
            "\
<- Pkg 2  321 bytes, application/vnd.syncml.dm+wbxml
  SyncHdr  session 5, message 2, http://s/dm -> IMEI:1, Cred syncml:auth-md5
  Status 1  212 (authentication accepted) to SyncHdr of message 1
  Atomic 2
    Replace 3
      ./DevInfo/Lang = de
  Alert 4  1222 (next message)
  Get 5
    ./DevDetail?list=StructData
  Final
"
        );
    }

    #[test]
    fn a_whole_message_shows_every_element() {
        let text = rendered(Detail::Whole, MESSAGE);
        assert!(text.contains("      Data 1222 (next message)\n"), "{text}");
        assert!(text.contains("      VerDTD 1.2\n"), "{text}");
    }

    #[test]
    fn what_is_no_message_is_said_and_not_fatal() {
        let text = rendered(Detail::Summary, "rubbish\x1b");
        assert!(text.contains("cannot be read"), "{text}");
        assert!(!text.contains('\x1b'));
        let text = rendered(Detail::Whole, "<!-- not readable: it ends early -->");
        assert!(
            text.ends_with("\n  not readable: it ends early\n"),
            "{text}"
        );
    }

    #[test]
    fn values_are_short_and_harmless() {
        assert_eq!(value(&Data::Text("a\x1b\n".to_owned())), "a\\u{1b}\\n");
        assert_eq!(value(&Data::Opaque(vec![0, 1, 2].into())), "(3 octets)");
        assert_eq!(value(&Data::Text("x".repeat(200))).chars().count(), 121);
    }
}
