//! `omadm-server serve`: logging, the database, the sockets and the lines.

use super::arguments::{Common, Serve};
use super::{obex, print, written};
use crate::error::Error;
use crate::http::{self, TlsFiles};
use crate::server::{Policy, Server};
use crate::service::{self, Options};
use crate::session::Settings;
use crate::store::Store;
use log::info;
use omadm_bindings::Address;
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
    let options = options(serve)?;
    let mut store = Store::open(&common.db)?;
    store.set_meta("server-id", &serve.server_id)?;
    let server = Server::new(store, policy.clone());
    service::serve(server, &policy, options, |url| {
        if let Some(url) = url {
            // The other verbs print this address for devices.
            Store::open(&common.db)?.set_meta("url", url)?;
        }
        announce(common, serve, url, out)?;
        out.flush().map_err(written)
    })
}

/// Says where devices are met.
fn announce(
    common: &Common,
    serve: &Serve,
    url: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let lines = serve.lines.dialled();
    let lines: Vec<&str> = lines.iter().map(|line| line.address.as_str()).collect();
    let waits = serve.lines.obex_listen.iter().map(Address::as_str);
    let waits: Vec<&str> = waits.collect();
    let database = common.db.display();
    let place = url.map_or("lines", |url| url);
    info!("{} serves {place} from {database}", serve.server_id);
    if common.json {
        let mut said = serde_json::Map::new();
        said.extend(url.map(|url| ("listening".to_owned(), json!(url))));
        for (key, places) in [("dials", &lines), ("waits", &waits)] {
            if !places.is_empty() {
                said.insert(key.to_owned(), json!(places));
            }
        }
        return print::line(out, &serde_json::Value::Object(said).to_string());
    }
    let http = url.map(|url| format!("listening on {url}"));
    let dials = lines.iter().map(|line| format!("dials {line}"));
    let waits = waits.iter().map(|line| format!("waits on {line}"));
    let mut all = http.into_iter().chain(dials).chain(waits);
    all.try_for_each(|text| print::line(out, &text))
}

fn options(serve: &Serve) -> Result<Options, Error> {
    let lines = &serve.lines;
    let obex = crate::obex::Options {
        lines: lines.dialled(),
        listen: lines.obex_listen.clone(),
        every: lines
            .every
            .map(|seconds| Duration::from_secs(seconds.into())),
        credential: lines
            .obex_credential_file
            .as_deref()
            .map(obex::file)
            .transpose()?,
    };
    if serve.no_http && obex.lines.is_empty() && obex.listen.is_empty() {
        let text =
            "with --no-http, name a line: --serial, --bluetooth, --usb, --obex or --obex-listen";
        return Err(Error::Usage(text.into()));
    }
    let http = http::Options {
        listen: serve.listen.clone(),
        path: serve.path.clone(),
        public_url: serve.public_url.clone(),
        tls: tls(serve),
    };
    Ok(Options {
        http: (!serve.no_http).then_some(http),
        obex,
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
