//! `omadm-server serve`: logging, the database and the sockets.

use super::arguments::{Common, Serve};
use super::{print, written};
use crate::error::Error;
use crate::http::{self, Options, TlsFiles};
use crate::server::{Policy, Server};
use crate::session::Settings;
use crate::store::Store;
use log::info;
use serde_json::json;
use std::io::Write;
use std::time::Duration;

pub(super) fn run(common: &Common, serve: &Serve, out: &mut dyn Write) -> Result<(), Error> {
    let filter = env_logger::Env::default().default_filter_or("info");
    let mut logger = env_logger::Builder::from_env(filter);
    logger.format_target(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        // The journal has the time itself.
        logger.format_timestamp(None);
    }
    // A second logger can only be the one of a test that runs this in its own process.
    let _ = logger.try_init();
    let policy = policy(serve);
    let options = Options {
        listen: serve.listen.clone(),
        path: serve.path.clone(),
        public_url: serve.public_url.clone(),
        tls: tls(serve),
    };
    let mut store = Store::open(&common.db)?;
    store.set_meta("server-id", &serve.server_id)?;
    let server = Server::new(store, policy.clone());
    http::serve(server, &policy, &options, |url| {
        // The other verbs print this address for devices.
        Store::open(&common.db)?.set_meta("url", url)?;
        let text = if common.json {
            json!({ "listening": url }).to_string()
        } else {
            format!("listening on {url}")
        };
        print::line(out, &text)?;
        info!(
            "{} serves {url} from {}",
            serve.server_id,
            common.db.display()
        );
        out.flush().map_err(written)
    })
}

fn tls(serve: &Serve) -> Option<TlsFiles> {
    let (chain, key) = serve.tls_cert.clone().zip(serve.tls_key.clone())?;
    let devices = serve.tls_client_ca.clone();
    Some(TlsFiles {
        chain,
        key,
        devices,
    })
}

fn policy(serve: &Serve) -> Policy {
    let max_message = u64::from(serve.max_message);
    Policy {
        settings: Settings {
            max_message,
            max_object: max_message.max(1 << 20),
            server_id: serve.server_id.clone(),
        },
        max_message: usize::try_from(serve.max_message).unwrap_or(usize::MAX),
        idle: Duration::from_secs(u64::from(serve.session_timeout)),
        accept_session_id: serve.accept_session_id,
        ..Policy::default()
    }
}
