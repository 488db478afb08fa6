//! The command line of `omadm`.

mod account;
mod bluetooth;
mod examples;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use self::account::{Account, Adding, Changing, HttpAuth, Policy, Proof, Scheme, word};
pub(super) use self::bluetooth::{Bluetooth, Pairing};

/// Where the daemon listens unless it is told otherwise.
pub(super) const DEFAULT_SOCKET: &str = "/run/omadm/io.omadm.Agent";

/// The FILE that means the terminal, or whatever else standard input and output are.
pub(super) const TERMINAL: &str = "-";

/// Looks at and steers the OMA DM agent of this machine.
#[derive(Debug, Parser)]
#[command(
    name = "omadm",
    version,
    max_term_width = 100,
    after_help = examples::OMADM
)]
pub(super) struct Arguments {
    /// The socket of the daemon.
    #[arg(long, global = true, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub(super) socket: PathBuf,
    /// Plain output.
    #[arg(
        long,
        global = true,
        help = "Never colour the output, as when the environment has NO_COLOR"
    )]
    pub(super) no_color: bool,
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Listing {
    /// Print JSON for programs; its shape is that of the Varlink interface io.omadm.Agent.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum UsbGadget {
    /// Show a host a serial port and the OBEX function, or one of them.
    #[command(after_help = examples::USB_GADGET)]
    Up {
        /// With a serial port (CDC ACM).
        #[arg(long)]
        acm: bool,
        /// With the OBEX function, for the line usb-gadget+obex:.
        #[arg(long)]
        obex: bool,
        /// With the kernel's own OBEX function.
        #[arg(long, hide = true, conflicts_with = "obex")]
        kernel_obex: bool,
        /// On this device controller; on the one that is free when left out.
        #[arg(long, value_name = "NAME")]
        udc: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Take it away.
    #[command(after_help = examples::USB_GADGET)]
    Down,
    /// Say what a host is shown, and whether one is there.
    #[command(after_help = examples::USB_GADGET)]
    Status {
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show the daemon, its accounts and its last session.
    #[command(after_help = examples::STATUS)]
    Status {
        #[command(flatten)]
        listing: Listing,
    },
    /// Run a session now and wait for its end.
    Session(Session),
    /// Hand over a notification (Package 0), and let its session begin.
    #[command(after_help = examples::NOTIFY)]
    Notify {
        /// The notification, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        listing: Listing,
    },
    /// Draw the management tree, or a part of it.
    #[command(after_help = examples::TREE)]
    Tree {
        /// Where to begin.
        #[arg(value_name = "URI", default_value = ".")]
        uri: String,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show nodes with their values and properties.
    #[command(after_help = examples::GET)]
    Get {
        /// The nodes.
        #[arg(value_name = "URI", required = true)]
        uris: Vec<String>,
        /// Print the values alone; octets that are no text as base64.
        #[arg(long, conflicts_with = "json")]
        value: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Give a leaf a value; a leaf that the tree lets be added is added.
    #[command(after_help = examples::SET)]
    Set {
        /// The leaf.
        #[arg(value_name = "URI")]
        uri: String,
        /// The value; for a binary leaf with --base64, its base64 form.
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
        /// VALUE is base64.
        #[arg(long)]
        base64: bool,
        /// The format of a new leaf: chr, int, bool, bin, b64, xml, date, time, float, null or node.
        #[arg(long, value_name = "FORMAT")]
        format: Option<String>,
        /// The media type of a new leaf.
        #[arg(long = "type", value_name = "TYPE")]
        type_: Option<String>,
    },
    /// Delete a node and all below it.
    #[command(after_help = examples::DELETE)]
    Delete {
        /// The node.
        #[arg(value_name = "URI")]
        uri: String,
    },
    /// Read this machine's KPIs; no daemon needed.
    Kpi(Kpi),
    /// Add, list, show, change and remove accounts.
    #[command(subcommand, after_help = examples::ACCOUNT)]
    Account(Account),
    /// Show Bluetooth, pair with servers, and remove pairings.
    #[command(subcommand, after_help = examples::BLUETOOTH)]
    Bluetooth(Bluetooth),
    /// Check a configuration.
    #[command(after_help = examples::CHECK)]
    Check {
        /// The configuration, read with the drop-ins in FILE.d; /etc/omadm/agent.toml when left out.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Say which right, file or device each feature lacks, and what grants it; no daemon needed.
    #[command(after_help = examples::DOCTOR)]
    Doctor {
        /// The configuration to go by when no daemon answers.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make this machine a USB device, and no longer; for root, no daemon needed.
    #[command(subcommand, after_help = examples::USB_GADGET)]
    UsbGadget(UsbGadget),
    /// Print a SyncML, DDF or TNDS document, Package 0 or an OBEX capture readably; no daemon needed.
    #[command(after_help = examples::DECODE)]
    Decode {
        /// XML, WBXML, the octets of Package 0, or packets of OBEX as they passed a line, as they are
        /// or in hexadecimal; - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        listing: Listing,
    },
    /// Write a document in the other encoding; no daemon needed.
    #[command(after_help = examples::ENCODE)]
    Encode {
        /// The encoding to write.
        #[arg(long, value_enum)]
        to: Encoding,
        /// The document: XML, WBXML or what decode --json printed; - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List and export the descriptions of the built-in management objects; no daemon needed.
    #[command(subcommand, after_help = examples::DDF)]
    Ddf(Ddf),
    /// Print a script that lets a shell complete the command line; no daemon needed.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Args)]
#[command(after_help = examples::SESSION)]
pub(super) struct Session {
    /// The account; may be left out when there is one only.
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Show the messages as they go; with FILE, write them there in full. Secrets are masked.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = TERMINAL)]
    pub(super) trace: Option<PathBuf>,
    #[command(flatten)]
    pub(super) listing: Listing,
}

#[derive(Debug, Args)]
#[command(after_help = examples::KPI)]
pub(super) struct Kpi {
    /// KPI ids, or their beginnings followed by *; all when left out.
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,
    /// Also show the KPIs that this machine does not have, with the reason.
    #[arg(long)]
    pub(super) all: bool,
    /// Read again every SECONDS (5 when left out) until interrupted; JSON is a line each time.
    /// Give PATTERNs first.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "5",
        value_parser = seconds
    )]
    pub(super) watch: Option<f64>,
    /// Print the OpenMetrics text format.
    #[arg(long, conflicts_with_all = ["json", "watch", "all"])]
    pub(super) openmetrics: bool,
    /// Print plain numbers in the KPI's own unit.
    #[arg(long)]
    pub(super) raw: bool,
    #[command(flatten)]
    pub(super) listing: Listing,
}

#[derive(Debug, Subcommand)]
pub(super) enum Ddf {
    /// List the built-in management objects.
    #[command(after_help = examples::DDF_LIST)]
    List {
        #[command(flatten)]
        listing: Listing,
    },
    /// Print the DDF of an object.
    #[command(after_help = examples::DDF_EXPORT)]
    Export {
        /// The object, as ddf list names it.
        #[arg(value_name = "NAME")]
        name: String,
        /// The encoding to write.
        #[arg(long, value_enum, default_value_t = Encoding::Xml)]
        to: Encoding,
    },
}

/// An encoding of messages and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Encoding {
    /// Compact binary.
    Wbxml,
    /// Text.
    Xml,
}

impl Encoding {
    /// The name, as the interface has it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Wbxml => "wbxml",
            Self::Xml => "xml",
        }
    }
}

/// A shell that completes command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// Reads the interval of `--watch`.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        Ok(_) => Err("between 0.1 and 86400 seconds".to_owned()),
        Err(_) => Err("seconds are wanted here; give PATTERNs before --watch".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_trace_may_go_to_a_file_or_to_the_terminal() {
        for (arguments, expected) in [
            (vec!["omadm", "session"], None),
            (vec!["omadm", "session", "--trace"], Some("-")),
            (vec!["omadm", "session", "--trace", "t.txt"], Some("t.txt")),
        ] {
            let parsed = Arguments::try_parse_from(&arguments).unwrap();
            let Verb::Session(session) = parsed.verb else {
                panic!("{arguments:?}");
            };
            assert_eq!(session.trace, expected.map(PathBuf::from));
        }
    }

    #[test]
    fn a_pattern_after_watch_is_told_apart_from_seconds() {
        let error = Arguments::try_parse_from(["omadm", "kpi", "--watch", "memory.*"]).unwrap_err();
        assert!(error.to_string().contains("PATTERNs before --watch"));
        assert!(Arguments::try_parse_from(["omadm", "kpi", "memory.*", "--watch"]).is_ok());
        assert!(Arguments::try_parse_from(["omadm", "kpi", "--watch", "0"]).is_err());
    }

    #[test]
    fn an_empty_path_takes_a_file_away() {
        for option in ["--ca-file", "--client-certificate", "--client-key"] {
            let parsed = Arguments::try_parse_from(["omadm", "account", "set", "lab", option, ""]);
            assert!(parsed.is_ok(), "{option}");
        }
    }

    #[test]
    fn no_option_takes_a_secret_itself() {
        let command = Arguments::command();
        let account = command.find_subcommand("account").unwrap();
        let verbs = ["add", "set"].map(|verb| account.find_subcommand(verb).unwrap());
        for argument in verbs.into_iter().flat_map(clap::Command::get_arguments) {
            let name = argument.get_id().as_str();
            assert!(
                !name.contains("secret") || name.ends_with("_file"),
                "{name}"
            );
        }
    }
}
