//! Bluetooth devices.

use super::examples;
use clap::Subcommand;
use omadm_bindings::PeerAddress;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Bluetooth {
    /// Look for devices around, and ask them what they offer.
    #[command(after_help = examples::BLUETOOTH_SCAN)]
    Scan {
        /// How many seconds to look.
        #[arg(
            long = "for",
            value_name = "SECONDS",
            default_value_t = 10,
            value_parser = clap::value_parser!(u64).range(1..=300)
        )]
        time: u64,
        /// The adapter; the first that is switched on when left out.
        #[arg(long, value_name = "NAME")]
        adapter: Option<String>,
    },
    /// Pair with a device.
    #[command(after_help = examples::BLUETOOTH_PAIR)]
    Pair {
        /// Its address.
        #[arg(value_name = "ADDRESS")]
        peer: PeerAddress,
        /// Say yes to whatever number is shown.
        #[arg(long)]
        yes: bool,
        /// The adapter; the first that is switched on when left out.
        #[arg(long, value_name = "NAME")]
        adapter: Option<String>,
    },
}
