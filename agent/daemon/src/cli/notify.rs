//! `omadm notify`: hands over a notification that came over no line of the agent's own.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use omadm_syncml::Package0;

use super::arguments::Listing;
use super::client::Client;
use super::failure::Failure;
use super::input;
use super::print::{self, Harmless};
use crate::control::wire::{Notify, NotifyReply};
use crate::exit;

/// The longest file that is handed over: far more than a notification can have.
const LONGEST: usize = 64 * 1024;

/// Hands over the notification in a file.
pub(super) fn run(
    client: &mut Client,
    file: &Path,
    listing: Listing,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let octets = input::document(file)?;
    let unusable = |reason: &dyn std::fmt::Display| {
        Failure::new(exit::DATA, format_args!("{}: {reason}", input::name(file)))
    };
    if octets.len() > LONGEST {
        return Err(unusable(&"longer than a notification can be"));
    }
    Package0::parse(&octets).map_err(|error| unusable(&format_args!("no Package 0: {error}")))?;
    let package = BASE64.encode(octets);
    let reply = client.call(Notify { package })?;
    if listing.json {
        return print::json(out, &reply);
    }
    Ok(writeln!(out, "{}", Harmless(&line(&reply)))?)
}

fn line(reply: &NotifyReply) -> String {
    let how = if reply.resynchronised {
        ", with the nonce to resynchronise with"
    } else {
        ""
    };
    format!(
        "session {} with {} ({}) begins{how}",
        reply.session_id, reply.account, reply.server_id
    )
}
