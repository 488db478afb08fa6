//! Lines, and notifications for the devices on them.

use super::examples;
use crate::obex::{LineAddress, waited};
use clap::{Args, ValueEnum};
use omadm_bindings::Address;
use omadm_syncml::UiMode;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Lines {
    /// Dial the device on a serial port; may be given again.
    #[arg(
        long,
        value_name = "PORT[?baud=…&entry=at|raw&device=ID]",
        value_parser = LineAddress::serial
    )]
    pub(in crate::cli) serial: Vec<LineAddress>,
    /// Dial a paired Bluetooth device: the one with this address, or the first that offers the
    /// service; may be given again.
    #[arg(
        long,
        value_name = "ADDRESS[?device=ID&adapter=…&channel=…]",
        num_args = 0..=1,
        default_missing_value = "",
        value_parser = LineAddress::bluetooth
    )]
    pub(in crate::cli) bluetooth: Vec<LineAddress>,
    /// Dial a device on USB as soon as it is plugged in: the one of these identifiers, or the
    /// first with an OBEX function; may be given again.
    #[arg(
        long,
        value_name = "VID:PID[:SERIAL][?function=acm&device=ID]",
        num_args = 0..=1,
        default_missing_value = "",
        value_parser = LineAddress::usb
    )]
    pub(in crate::cli) usb: Vec<LineAddress>,
    /// Dial a device over any other line that carries OBEX; may be given again.
    #[arg(
        long,
        value_name = "ADDRESS[?device=ID]",
        value_parser = LineAddress::obex
    )]
    pub(in crate::cli) obex: Vec<LineAddress>,
    /// Wait for devices that dial over OBEX; may be given again.
    #[arg(long, value_name = "ADDRESS", value_parser = waited)]
    pub(in crate::cli) obex_listen: Vec<Address>,
    /// The file with the name (first line) and the secret (second line) that both ends prove in
    /// OBEX, for devices without their own.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) obex_credential_file: Option<PathBuf>,
    /// Dial each line again after so many seconds, even if nothing waits.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(in crate::cli) every: Option<u32>,
}

impl Lines {
    /// All lines that are dialled.
    pub(in crate::cli) fn dialled(&self) -> Vec<LineAddress> {
        let lines = self.serial.iter().chain(&self.bluetooth);
        let lines = lines.chain(&self.usb).chain(&self.obex);
        lines.cloned().collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::NOTIFY)]
pub(in crate::cli) struct Notify {
    /// Its DevId.
    #[arg(value_name = "DEVICE")]
    pub(in crate::cli) device: String,
    /// Write the notification to this file, or - for standard output.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["line", "bluetooth"]
    )]
    pub(in crate::cli) to: Option<PathBuf>,
    /// Dial this line now, serve the session that begins, and say how it went: a serial port, or
    /// the address of another line.
    #[arg(
        long,
        value_name = "PORT|ADDRESS",
        conflicts_with = "to",
        value_parser = line
    )]
    pub(in crate::cli) line: Option<LineAddress>,
    /// The same for a paired Bluetooth device.
    #[arg(
        long,
        value_name = "ADDRESS",
        conflicts_with_all = ["to", "line"],
        value_parser = bluetooth
    )]
    pub(in crate::cli) bluetooth: Option<LineAddress>,
    /// The server's identifier, which the account on the device names; that of the last serve when
    /// left out.
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) server_id: Option<String>,
    /// What the user of the device is to see of the session.
    #[arg(long, value_enum)]
    pub(in crate::cli) ui: Option<Ui>,
    /// Use the nonce that everyone knows, when the device and the server do not agree on theirs;
    /// once an hour at most.
    #[arg(long)]
    pub(in crate::cli) resync: bool,
}

/// A serial port by its path, any other line by its address.
fn line(text: &str) -> Result<LineAddress, String> {
    let line = if text.starts_with('/') {
        LineAddress::serial(text)?
    } else {
        LineAddress::obex(text)?
    };
    unnamed(line)
}

fn bluetooth(text: &str) -> Result<LineAddress, String> {
    unnamed(LineAddress::bluetooth(text)?)
}

fn unnamed(line: LineAddress) -> Result<LineAddress, String> {
    match line.device {
        Some(_) => Err("the device is named already; leave device= out".into()),
        None => Ok(line),
    }
}

/// What the user of a device sees of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Ui {
    /// Nothing.
    Background,
    /// That it happens.
    Informative,
    /// A question first, whether it may happen.
    Interactive,
}

impl From<Ui> for UiMode {
    fn from(ui: Ui) -> Self {
        match ui {
            Ui::Background => Self::Background,
            Ui::Informative => Self::Informative,
            Ui::Interactive => Self::UserInteraction,
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ObexProof {
    /// The name by which both ends prove themselves in OBEX, 20 bytes at most.
    #[arg(long, value_name = "NAME", requires = "obex_secret_file")]
    pub(in crate::cli) obex_name: Option<String>,
    /// The file with the secret for it, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) obex_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = examples::DEVICE_SET)]
pub(in crate::cli) struct DeviceSettings {
    /// Its DevId.
    #[arg(value_name = "DEVICE")]
    pub(in crate::cli) id: String,
    #[command(flatten)]
    pub(in crate::cli) obex: ObexProof,
    /// Prove nothing in OBEX that is this device's own.
    #[arg(
        long,
        conflicts_with = "obex_secret_file",
        required_unless_present = "obex_secret_file"
    )]
    pub(in crate::cli) no_obex: bool,
}
