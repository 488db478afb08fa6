//! `omadm bluetooth …`.

use clap::{Args, Subcommand};
use omadm_bindings::PeerAddress;

use super::{Listing, examples};

#[derive(Debug, Subcommand)]
pub(in super::super) enum Bluetooth {
    /// Show the adapters, what they are paired with, and which accounts list it.
    #[command(after_help = examples::BLUETOOTH_STATUS)]
    Status {
        #[command(flatten)]
        listing: Listing,
    },
    /// Let a server find this device and pair with it; no daemon needed without --account.
    Pair(Pairing),
    /// Remove a pairing, from the adapter and from every account.
    #[command(after_help = examples::BLUETOOTH_REMOVE)]
    Remove {
        /// The peer.
        #[arg(value_name = "ADDRESS")]
        peer: PeerAddress,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Args)]
#[command(after_help = examples::BLUETOOTH_PAIR)]
pub(in super::super) struct Pairing {
    /// For how many seconds, 10 to 3600, this device can be found and paired with.
    #[arg(
        long = "for",
        value_name = "SECONDS",
        default_value_t = 120,
        value_parser = clap::value_parser!(u64).range(10..=3600)
    )]
    pub(in super::super) time: u64,
    /// The account that lists the peer afterwards.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) account: Option<String>,
    /// Say yes to whatever number is shown.
    #[arg(long)]
    pub(in super::super) yes: bool,
    /// The adapter; the first that is switched on when left out.
    #[arg(long, value_name = "NAME")]
    pub(in super::super) adapter: Option<String>,
    #[command(flatten)]
    pub(in super::super) listing: Listing,
}
