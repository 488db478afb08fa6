//! `omadm-server notify`: asks a device for a session.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: writes the file that was named"
)]

use super::arguments::{Common, DEFAULT_SERVER_ID, Notify};
use super::print;
use crate::clock;
use crate::error::Error;
use crate::obex::{self, Failure, LineAddress, Met};
use crate::server::{Notified, Policy, Server, Wish};
use crate::session::Phase;
use crate::store::{SessionSummary, Store};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::{Initiator, UiMode};
use serde_json::json;
use std::io::Write;
use std::path::Path;

pub(super) fn run(common: &Common, options: &Notify, out: &mut dyn Write) -> Result<(), Error> {
    let mut policy = Policy::default();
    let store = Store::open_existing(&common.db)?;
    let server_id = match &options.server_id {
        Some(id) => Some(id.clone()),
        None => store.meta("server-id")?,
    };
    policy.settings.server_id = server_id.unwrap_or_else(|| DEFAULT_SERVER_ID.into());
    let wish = Wish {
        device: options.device.clone(),
        ui_mode: options.ui.map_or(UiMode::NotSpecified, Into::into),
        initiator: Initiator::Server,
        resync: options.resync,
    };
    let mut server = Server::new(store, policy.clone());
    match (
        options.line.as_ref().or(options.bluetooth.as_ref()),
        &options.to,
    ) {
        (Some(line), _) => dial(common, server, &policy, line, wish, out),
        (None, Some(file)) => {
            let notified = server.notify(&wish, clock::now(), clock::random()?)?;
            hand_over(common, &notified, file, out)
        }
        // The parser asks for one of both.
        (None, None) => Err(Error::Usage(
            "--to, --line or --bluetooth says where it goes".into(),
        )),
    }
}

fn hand_over(
    common: &Common,
    notified: &Notified,
    file: &Path,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let to_output = file == Path::new("-");
    if !to_output {
        std::fs::write(file, &notified.package).map_err(|source| Error::Io {
            what: format!("cannot write {}", file.display()),
            source,
        })?;
    }
    if common.json {
        return print::json(
            out,
            &json!({
                "device": notified.device,
                "session_id": notified.notification.session_text(),
                "server_id": notified.notification.server_id,
                "ui_mode": notified.notification.ui_mode.to_string(),
                "resync": notified.resync,
                "package_base64": STANDARD.encode(&notified.package),
            }),
        );
    }
    if to_output {
        return out.write_all(&notified.package).map_err(super::written);
    }
    let id = notified.notification.session_text();
    let device = print::harmless(&notified.device);
    let nonce = if notified.resync {
        ", with the nonce to resynchronise with"
    } else {
        ""
    };
    print::line(
        out,
        &format!("notification of session {id} for {device}{nonce}"),
    )?;
    let name = file.file_name().map_or(file, Path::new);
    print::line(
        out,
        &format!("On the device: omadm notify {}", name.display()),
    )
}

fn dial(
    common: &Common,
    server: Server,
    policy: &Policy,
    line: &LineAddress,
    wish: Wish,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let device = wish.device.clone();
    let met = obex::dial_once(server, policy, &line.address, wish).map_err(fault)?;
    let session = match met.session {
        Some(id) => Store::open_existing(&common.db)?.session(id)?,
        None => None,
    };
    report(common, &device, &met, session.as_ref(), out)?;
    match met.phase {
        Phase::Ended => Ok(()),
        phase => Err(Error::Failed(format!(
            "the session was {}; see omadm-server session show {}",
            phase.as_str(),
            met.session.unwrap_or_default()
        ))),
    }
}

/// What the line did is nobody's mistake on the command line.
fn fault(failure: Failure) -> Error {
    match failure {
        Failure::Own(error) => error,
        other => Error::Unavailable(other.to_string()),
    }
}

fn report(
    common: &Common,
    device: &str,
    met: &Met,
    session: Option<&SessionSummary>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if common.json {
        return print::json(
            out,
            &json!({
                "device": device,
                "session_id": met.session_id,
                "resync": met.resync,
                "messages": met.messages,
                "phase": met.phase.as_str(),
                "session": session,
            }),
        );
    }
    let bytes = session.map_or(0, |s| s.bytes_received + s.bytes_sent);
    let text = format!(
        "session {} with {}: {}, {} messages of the device, {bytes} bytes",
        met.session.unwrap_or_default(),
        print::harmless(device),
        met.phase.as_str(),
        met.messages
    );
    print::line(out, &text)
}
