//! `omadm-server usb`: what can be met on USB.

use super::arguments::Common;
use super::print::{self, Table};
use crate::error::Error;
use omadm_bindings::usb::{self, Function, Listed};
use serde::Serialize;
use std::io::Write;

/// A function, for people and programs.
#[derive(Debug, Serialize)]
struct Shown {
    address: String,
    function: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

pub(super) fn list(common: &Common, out: &mut dyn Write) -> Result<(), Error> {
    let found = usb::list().map_err(|source| Error::Io {
        what: "cannot list USB devices".into(),
        source,
    })?;
    let shown: Vec<Shown> = found.into_iter().map(shown).collect();
    print(common.json, &shown, out)
}

fn shown(listed: Listed) -> Shown {
    Shown {
        address: listed.address.to_string(),
        function: match listed.address.function {
            Function::Obex => "obex",
            Function::Acm => "acm",
        },
        name: listed.name,
        port: listed.port,
        refused: listed.refused,
    }
}

fn print(json: bool, shown: &[Shown], out: &mut dyn Write) -> Result<(), Error> {
    if json {
        return print::json(out, &shown);
    }
    if shown.is_empty() {
        return print::line(
            out,
            "no attached device has an OBEX function or a serial port",
        );
    }
    let mut table = Table::new(&["ADDRESS", "FUNCTION", "NAME", "PORT", "DETAIL"]);
    for one in shown {
        table.row(&[
            &one.address,
            one.function,
            one.name.as_deref().unwrap_or_default(),
            one.port.as_deref().unwrap_or_default(),
            one.refused.as_deref().unwrap_or_default(),
        ]);
    }
    table.print(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool, found: Vec<Listed>) -> String {
        let shown: Vec<Shown> = found.into_iter().map(shown).collect();
        let mut out = Vec::new();
        print(json, &shown, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn port() -> Listed {
        Listed {
            address: "usb+obex://1d6b:0104:01?function=acm".parse().unwrap(),
            name: None,
            port: Some("/dev/ttyACM0".into()),
            refused: None,
        }
    }

    #[test]
    fn what_is_found_is_shown_by_what_it_is_dialled() {
        let text = printed(false, vec![port()]);
        assert!(
            text.contains("usb+obex://1d6b:0104:01?function=acm"),
            "{text}"
        );
        assert!(text.contains("/dev/ttyACM0"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&printed(true, vec![port()])).unwrap();
        assert_eq!(json[0]["function"], "acm");
        assert_eq!(json[0]["port"], "/dev/ttyACM0");
    }

    #[test]
    fn nothing_is_said_in_words_and_is_an_empty_list() {
        assert!(printed(false, Vec::new()).starts_with("no attached device"));
        assert_eq!(printed(true, Vec::new()), "[]\n");
    }
}
