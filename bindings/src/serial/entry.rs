//! The AT commands that lead into OBEX, and the results that answer them.

use std::time::Duration;

/// A command that makes a modem carry OBEX, and what is known of it.
#[derive(Debug)]
pub(super) struct Method {
    /// The command, in upper case, without `AT`.
    pub(super) name: &'static str,
    /// What it is set to; empty where the command takes nothing.
    pub(super) value: &'static str,
    /// How the waiting end answers it.
    pub(super) answer: Final,
    /// How the waiting end answers `=?`, before its `OK`.
    pub(super) test: &'static str,
    /// How the dialling end uses it, if it does.
    pub(super) dialled: Option<Dialled>,
}

/// What a dialling end has to know of a method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialled {
    /// `OK` means entered, too.
    pub(super) ok_enters: bool,
    /// How long the modem takes to get from its answer to OBEX.
    pub(super) pause: Duration,
}

impl Dialled {
    const fn new(ok_enters: bool, pause_seconds: u64) -> Self {
        Self {
            ok_enters,
            pause: Duration::from_secs(pause_seconds),
        }
    }
}

/// In the order in which a dialling end tries them.
pub(super) const METHODS: &[Method] = &[
    // 3GPP TS 27.007 8.42: protocol 0 is OBEX.
    Method {
        name: "+CPROT",
        value: "0",
        answer: Final::Connect,
        test: "+CPROT: 0",
        dialled: Some(Dialled::new(false, 0)),
    },
    // Ericsson, Sony Ericsson.
    Method {
        name: "*EOBEX",
        value: "",
        answer: Final::Connect,
        test: "",
        dialled: Some(Dialled::new(false, 0)),
    },
    // Siemens.
    Method {
        name: "^SQWE",
        value: "3",
        answer: Final::Ok,
        test: "^SQWE: (0,3)",
        dialled: Some(Dialled::new(true, 1)),
    },
    // Motorola.
    Method {
        name: "+MODE",
        value: "22",
        answer: Final::Connect,
        test: "+MODE: (22)",
        dialled: Some(Dialled::new(true, 0)),
    },
    // Samsung. Not dialled: what it starts there is no plain OBEX inbox.
    Method {
        name: "+SYNCML",
        value: "MOBEXSTART",
        answer: Final::Ok,
        test: "+SYNCML: (MOBEXSTART,OBEXSTART)",
        dialled: None,
    },
    Method {
        name: "+SYNCML",
        value: "OBEXSTART",
        answer: Final::Ok,
        test: "",
        dialled: None,
    },
];

/// A result that ends the answer to a command line (ITU-T V.250 5.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Final {
    Ok,
    Connect,
    NoCarrier,
    Error,
}

/// Each result in words and as a number.
const FINALS: [(Final, &str, &str); 4] = [
    (Final::Ok, "OK", "0"),
    (Final::Connect, "CONNECT", "1"),
    (Final::NoCarrier, "NO CARRIER", "3"),
    (Final::Error, "ERROR", "4"),
];

impl Final {
    /// The result as the waiting end sends it.
    pub(super) fn text(self, verbose: bool) -> String {
        let known = FINALS.iter().find(|(result, ..)| *result == self);
        let (words, number) = known.map_or(("", ""), |(_, words, number)| (*words, *number));
        if verbose {
            format!("\r\n{words}\r\n")
        } else {
            format!("{number}\r")
        }
    }

    /// The result that a line of a modem is, if it is one.
    pub(super) fn of(line: &str) -> Option<Self> {
        let known = FINALS
            .iter()
            .find(|(_, words, number)| line == *words || line == *number);
        if let Some((result, ..)) = known {
            return Some(*result);
        }
        // With the speed of the line behind it (V.250 6.2.7).
        if line.starts_with("CONNECT ") {
            return Some(Self::Connect);
        }
        let refusals = ["BUSY", "NO ANSWER", "NO DIALTONE", "COMMAND NOT SUPPORT"];
        let refused = refusals.contains(&line)
            || line.starts_with("+CME ERROR")
            || line.starts_with("+CMS ERROR");
        refused.then_some(Self::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_known_in_words_and_numbers() {
        for (line, result) in [
            ("OK", Some(Final::Ok)),
            ("0", Some(Final::Ok)),
            ("CONNECT", Some(Final::Connect)),
            ("CONNECT 115200", Some(Final::Connect)),
            ("1", Some(Final::Connect)),
            ("NO CARRIER", Some(Final::NoCarrier)),
            ("ERROR", Some(Final::Error)),
            ("+CME ERROR: 3", Some(Final::Error)),
            ("COMMAND NOT SUPPORT", Some(Final::Error)),
            ("CONNECTED", None),
            ("RING", None),
            ("", None),
        ] {
            assert_eq!(Final::of(line), result, "{line}");
        }
    }

    #[test]
    fn what_is_sent_is_understood() {
        for (result, ..) in FINALS {
            assert_eq!(Final::of(result.text(true).trim()), Some(result));
            assert_eq!(Final::of(result.text(false).trim()), Some(result));
        }
    }
}
