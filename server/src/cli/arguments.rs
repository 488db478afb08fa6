//! The command line.
#![expect(
    clippy::doc_markdown,
    reason = "the documentation here is the program's help, which shows backticks"
)]

mod bluetooth;
mod examples;
mod lines;
mod member;
mod serve;

use crate::store::JobState;
use clap::{Args, Parser, Subcommand, ValueEnum};
use omadm_syncml::auth::AuthScheme;
use std::path::PathBuf;

pub(super) use bluetooth::Bluetooth;
pub(super) use lines::{DeviceSettings, Lines, Notify, ObexProof};
pub(super) use member::{Content, Member, MemberLine};
pub(super) use serve::Serve;

/// A Device Management System for benches and labs: OMA DM 1.2 over HTTP, HTTPS and OBEX.
#[derive(Debug, Parser)]
#[command(
    name = "omadm-server",
    version,
    after_help = examples::SERVER
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// The database: devices with their secrets, jobs, results, sessions. When left out: that of
    /// omadm-server.service for whoever may see it, else omadm-server.db here.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value_os_t = usual_database(),
        hide_default_value = true
    )]
    pub(super) db: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The database of the packaged service, which only root and the service's own user see.
const SERVICE_DATABASE: &str = "/var/lib/omadm-server/server.db";

/// Whoever has the service means its database.
fn usual_database() -> PathBuf {
    let service = PathBuf::from(SERVICE_DATABASE);
    if service.exists() {
        service
    } else {
        PathBuf::from("omadm-server.db")
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Answer devices until SIGTERM or SIGINT.
    #[command(after_help = examples::SERVE)]
    Serve(Serve),
    /// Register, list, show and remove devices.
    #[command(subcommand, after_help = examples::DEVICE)]
    Device(Device),
    /// Ask a device for a session: by a file for it, or over a line.
    Notify(Notify),
    /// Find Bluetooth devices and pair with them.
    #[command(subcommand, after_help = examples::BLUETOOTH)]
    Bluetooth(Bluetooth),
    /// Queue, list, show, cancel and await jobs.
    #[command(subcommand, after_help = examples::JOB)]
    Job(Box<Job>),
    /// List and show sessions, with what was said.
    #[command(subcommand, after_help = examples::SESSION)]
    Session(Session),
    /// List what can be met on USB.
    #[command(subcommand, after_help = examples::USB_LIST)]
    Usb(Usb),
    /// Print a script that lets a shell complete the command line.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum Usb {
    /// List the OBEX functions and the serial ports of attached devices, by what they are dialled.
    #[command(after_help = examples::USB_LIST)]
    List,
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

/// The identifier of a server that was given none.
pub(super) const DEFAULT_SERVER_ID: &str = "omadm-server";

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Register a device, and print the line that makes its account.
    Add(Box<NewDevice>),
    /// Change what is registered, apart from the credentials for sessions.
    Set(DeviceSettings),
    /// List the devices.
    #[command(after_help = examples::DEVICE_LIST)]
    List,
    /// Show a device, its DevInfo and its last alerts.
    #[command(after_help = examples::DEVICE_SHOW)]
    Show {
        /// Its DevId.
        #[arg(value_name = "DEVICE")]
        id: String,
    },
    /// Forget a device, its jobs and its sessions.
    #[command(after_help = examples::DEVICE_REMOVE)]
    Remove {
        /// Its DevId.
        #[arg(value_name = "DEVICE")]
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
A secret that is not given is generated and printed once. A file's first line is the secret;
from standard input each secret takes a line.
The first session begins with a challenge, unless --nonce is what the device has.

Examples:
  omadm-server device add IMEI:490154203237518
  omadm-server device add IMEI:490154203237526 --user gateway7 \\
      --secret-file gateway7.secret --server-auth none")]
pub(super) struct NewDevice {
    /// Its DevId: the Source of its messages.
    #[arg(value_name = "DEVICE")]
    pub(super) id: String,
    /// How it proves itself.
    #[arg(long, value_enum, default_value_t = Scheme::Md5)]
    pub(super) auth: Scheme,
    /// Its user name; its DevId when left out.
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// The file with its secret, or - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    pub(super) secret_file: Option<PathBuf>,
    /// Its secret; others on this machine can read command lines.
    #[arg(long, value_name = "SECRET")]
    pub(super) secret: Option<String>,
    /// The nonce that it has already, base64.
    #[arg(long, value_name = "BASE64")]
    pub(super) nonce: Option<String>,
    /// How the server proves itself to it; none where TLS does.
    #[arg(long, value_enum, default_value_t = ServerScheme::Md5)]
    pub(super) server_auth: ServerScheme,
    /// The server's user name; its identifier when left out.
    #[arg(long, value_name = "NAME")]
    pub(super) server_user: Option<String>,
    /// The file with the server's secret, or - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "server_secret")]
    pub(super) server_secret_file: Option<PathBuf>,
    /// The server's secret.
    #[arg(long, value_name = "SECRET")]
    pub(super) server_secret: Option<String>,
    /// The nonce that the device expects of the server, base64.
    #[arg(long, value_name = "BASE64")]
    pub(super) server_nonce: Option<String>,
    #[command(flatten)]
    pub(super) obex: ObexProof,
    /// Give a registered device new credentials; its jobs stay.
    #[arg(long)]
    pub(super) replace: bool,
    /// The address for the printed line; that of the last serve when left out.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scheme {
    /// A digest over name, secret and nonce: syncml:auth-md5.
    Md5,
    /// A digest over each whole message as well: syncml:auth-MAC.
    Hmac,
    /// Name and secret as they are: syncml:auth-basic.
    Basic,
}

impl From<Scheme> for AuthScheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Md5 => Self::Md5,
            Scheme::Hmac => Self::Hmac,
            Scheme::Basic => Self::Basic,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ServerScheme {
    /// A digest over name, secret and nonce: syncml:auth-md5.
    Md5,
    /// A digest over each whole message as well: syncml:auth-MAC.
    Hmac,
    /// Name and secret as they are: syncml:auth-basic.
    Basic,
    /// The server shows no credentials.
    None,
}

impl ServerScheme {
    pub(super) const fn scheme(self) -> Option<AuthScheme> {
        match self {
            Self::Md5 => Some(AuthScheme::Md5),
            Self::Hmac => Some(AuthScheme::Hmac),
            Self::Basic => Some(AuthScheme::Basic),
            Self::None => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Job {
    /// Queue a job; it goes out in the device's next session.
    #[command(after_help = member::HELP)]
    Add {
        /// The DevId of the device.
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(subcommand)]
        member: Member,
    },
    /// List jobs.
    #[command(after_help = examples::JOB_LIST)]
    List {
        /// Only those of this device.
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        /// Only those in this state.
        #[arg(long, value_enum)]
        state: Option<State>,
    },
    /// Show jobs: Statuses, values, and alerts that answer an Exec.
    #[command(after_help = examples::JOB_SHOW)]
    Show {
        /// Their numbers.
        #[arg(value_name = "JOB", required = true)]
        ids: Vec<i64>,
    },
    /// Take jobs back.
    #[command(after_help = examples::JOB_CANCEL)]
    Cancel {
        /// Their numbers.
        #[arg(value_name = "JOB", required = true)]
        ids: Vec<i64>,
    },
    /// Wait until jobs are over; exit code 1 when one of them failed.
    #[command(after_help = examples::JOB_WAIT)]
    Wait {
        /// Their numbers.
        #[arg(value_name = "JOB", required = true)]
        ids: Vec<i64>,
        /// Give up after so many seconds, with exit code 75.
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    /// It waits for the device.
    Queued,
    /// It is with the device.
    Sent,
    /// All of it was carried out.
    Done,
    /// Some of it was not.
    Failed,
    /// It was taken back.
    Cancelled,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Sent => Self::Sent,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// List sessions.
    #[command(after_help = examples::SESSION_LIST)]
    List {
        /// Only those of this device.
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
    },
    /// Show a session and what was said in it; secrets are masked.
    #[command(after_help = examples::SESSION_SHOW)]
    Show {
        /// Its number.
        #[arg(value_name = "SESSION")]
        id: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        MemberLine::command().debug_assert();
    }
}
