//! The commands to a device.

use super::examples;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// What a file of members looks like.
pub(super) const HELP: &str = "\
An atomic or sequence FILE has a command on each line, as it would stand after `job add DEVICE`;
words may be quoted as in a shell, and # begins a comment:
  replace ./DMAcc/lab/Name --value 'Lab on the roof'
  add ./DMAcc/lab/Ext/Lab/Note --value x --format chr --type text/plain
  delete ./DMAcc/lab/Ext/Lab/Old
or it is a JSON list of objects with the keys verb, uri, value, value_base64, format, type,
source, target, data, correlator and members:
  [{\"verb\": \"replace\", \"uri\": \"./DMAcc/lab/Name\", \"value\": \"Lab on the roof\"}]

A raw FILE has SyncML commands in XML: a message, a SyncBody, or the commands alone. CmdIDs in
it are given anew.

Examples:
  omadm-server job add IMEI:490154203237518 get ./DevInfo/Man ./DevInfo/Mod
  omadm-server job add IMEI:490154203237518 replace ./DMAcc/lab/Name --value 'The lab'
  omadm-server job add IMEI:490154203237518 atomic change.txt";

/// A command to a device.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Member {
    /// Read nodes, one Get for each.
    #[command(after_help = examples::GET)]
    Get {
        /// Their addresses, with ?prop= or ?list= if wanted.
        #[arg(value_name = "URI", required = true)]
        uris: Vec<String>,
    },
    /// Add a node.
    #[command(after_help = examples::ADD)]
    Add {
        /// Its address.
        #[arg(value_name = "URI")]
        uri: String,
        #[command(flatten)]
        content: Content,
        /// Add an interior node.
        #[arg(long, conflicts_with_all = ["value", "file", "format"])]
        node: bool,
    },
    /// Replace a value or a property.
    #[command(after_help = examples::REPLACE)]
    Replace {
        /// The node.
        #[arg(value_name = "URI")]
        uri: String,
        #[command(flatten)]
        content: Content,
    },
    /// Delete nodes and all below them, one Delete for each.
    #[command(after_help = examples::DELETE)]
    Delete {
        /// Their addresses.
        #[arg(value_name = "URI", required = true)]
        uris: Vec<String>,
    },
    /// Copy a leaf.
    #[command(after_help = examples::COPY)]
    Copy {
        /// The leaf that is read.
        #[arg(value_name = "SOURCE")]
        source: String,
        /// The leaf that is written.
        #[arg(value_name = "TARGET")]
        target: String,
    },
    /// Execute a node.
    #[command(after_help = examples::EXEC)]
    Exec {
        /// The node.
        #[arg(value_name = "URI")]
        uri: String,
        /// What the procedure is given.
        #[arg(long, value_name = "DATA")]
        data: Option<String>,
        /// Ties a later alert to this command; generated when left out.
        #[arg(long, value_name = "TEXT", conflicts_with = "no_correlator")]
        correlator: Option<String>,
        /// Send no correlator.
        #[arg(long)]
        no_correlator: bool,
    },
    /// Carry out all of the commands in a file, or none.
    #[command(after_help = examples::ATOMIC)]
    Atomic {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Carry out the commands in a file in order.
    #[command(after_help = examples::SEQUENCE)]
    Sequence {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Send the SyncML commands in a file as they are.
    #[command(after_help = examples::RAW)]
    Raw {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Content {
    /// The value.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    pub(in crate::cli) value: Option<String>,
    /// The file with the value; octets that are no text travel as bin, in XML as b64.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Its Format: b64 bin bool chr int node null xml date time float.
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) format: Option<String>,
    /// Its Type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(in crate::cli) type_: Option<String>,
}

/// A line of a file of members.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub(in crate::cli) struct MemberLine {
    #[command(subcommand)]
    pub(in crate::cli) member: Member,
}
