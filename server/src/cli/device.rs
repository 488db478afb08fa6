//! `omadm-server device`: the registry.

use super::arguments::{Common, DEFAULT_SERVER_ID, Device, NewDevice, Scheme};
use super::obex;
use super::print::{self, Table};
use super::read_text;
use crate::clock;
use crate::error::Error;
use crate::session;
use crate::store::{self, DeviceRecord, Store};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::auth::Secret;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) fn run(common: &Common, verb: Device, out: &mut dyn Write) -> Result<(), Error> {
    match verb {
        Device::Add(new) => add(common, &new, out),
        Device::Set(settings) => obex::set(common, &settings, out),
        Device::List => list(common, out),
        Device::Show { id } => show(common, &id, out),
        Device::Remove { id } => {
            let mut store = Store::open_existing(&common.db)?;
            if !store.remove_device(&id)? {
                return Err(unknown(&id));
            }
            if common.json {
                return print::json(out, &json!({ "removed": id }));
            }
            print::line(out, &format!("removed {}", print::harmless(&id)))
        }
    }
}

/// The error for a device that is not registered.
pub(super) fn unknown(id: &str) -> Error {
    Error::NotFound(format!(
        "there is no device {id}; `omadm-server device add {id}` registers it"
    ))
}

/// A secret and where it came from.
struct Given {
    text: Zeroizing<String>,
    file: Option<PathBuf>,
    generated: bool,
}

fn add(common: &Common, new: &NewDevice, out: &mut dyn Write) -> Result<(), Error> {
    if new.id.is_empty() || new.id.len() > 255 {
        let text = "a DevId has 1 to 255 bytes";
        return Err(Error::Usage(text.into()));
    }
    let mut store = Store::open(&common.db)?;
    let server_id = store.meta("server-id")?;
    let server_id = server_id.unwrap_or_else(|| DEFAULT_SERVER_ID.into());
    let own = given(new.secret.as_deref(), new.secret_file.as_deref())?;
    let servers = match new.server_auth.scheme() {
        None => None,
        Some(_) => Some(given(
            new.server_secret.as_deref(),
            new.server_secret_file.as_deref(),
        )?),
    };
    let proof = obex::proof(&new.obex)?;
    let device = device(new, &server_id, &own, servers.as_ref())?;
    let new_device = store::NewDevice {
        device,
        replace: new.replace,
    };
    if !store.add_device(&new_device, clock::now())? {
        return Err(Error::Usage(format!(
            "{} is registered already; --replace gives it new credentials",
            new.id
        )));
    }
    if let Some(proof) = &proof {
        store.set_obex_credential(&new.id, Some(proof))?;
    }
    let url = match &new.url {
        Some(url) => url.clone(),
        None => store
            .meta("url")?
            .unwrap_or_else(|| "http://127.0.0.1:8080/dm".into()),
    };
    let account = Account {
        new,
        server_id: &server_id,
        url: &url,
        device: &new_device.device,
        own: &own,
        servers: servers.as_ref(),
    };
    account.print(common.json, out)
}

fn device(
    new: &NewDevice,
    server_id: &str,
    own: &Given,
    servers: Option<&Given>,
) -> Result<session::Device, Error> {
    let client = session::Credential {
        scheme: new.auth.into(),
        user: new.user.clone().unwrap_or_else(|| new.id.clone()),
        secret: Secret::from_text(&own.text),
        // Nobody has this one: the first session begins with a challenge.
        nonce: match &new.nonce {
            Some(text) => nonce("--nonce", text)?,
            None => clock::random::<18>()?.to_vec(),
        },
    };
    let server = match (new.server_auth.scheme(), servers) {
        (Some(scheme), Some(servers)) => Some(session::Credential {
            scheme,
            user: new
                .server_user
                .clone()
                .unwrap_or_else(|| server_id.to_owned()),
            secret: Secret::from_text(&servers.text),
            nonce: match &new.server_nonce {
                Some(text) => nonce("--server-nonce", text)?,
                None => Vec::new(),
            },
        }),
        _ => None,
    };
    Ok(session::Device {
        id: new.id.clone(),
        known: true,
        client,
        server,
    })
}

fn nonce(option: &str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD
        .decode(text)
        .map_err(|e| Error::Usage(format!("{option} is not base64: {e}")))
}

fn given(text: Option<&str>, file: Option<&Path>) -> Result<Given, Error> {
    let (text, generated) = match (text, file) {
        (Some(text), _) => (text.to_owned(), false),
        (None, Some(file)) => (first_line(file)?, false),
        (None, None) => (STANDARD.encode(clock::random::<18>()?), true),
    };
    Ok(Given {
        text: Zeroizing::new(text),
        file: file.map(Path::to_owned),
        generated,
    })
}

pub(super) fn first_line(file: &Path) -> Result<String, Error> {
    // Two secrets may come over standard input, a line each.
    let text = Zeroizing::new(if file == Path::new("-") {
        super::read_line()?
    } else {
        read_text(file)?
    });
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Error::Data(format!(
            "there is no secret on the first line of {}",
            file.display()
        ))),
    }
}

/// The account on the device that fits.
struct Account<'a> {
    new: &'a NewDevice,
    server_id: &'a str,
    url: &'a str,
    device: &'a session::Device,
    own: &'a Given,
    servers: Option<&'a Given>,
}

impl Account<'_> {
    fn print(&self, json: bool, out: &mut dyn Write) -> Result<(), Error> {
        let command = self.command();
        if json {
            let generated = |given: &Given| given.generated.then(|| given.text.to_string());
            return print::json(
                out,
                &json!({
                    "id": self.device.id,
                    "user": self.device.client.user,
                    "secret": generated(self.own),
                    "server_user": self.device.server.as_ref().map(|server| &server.user),
                    "server_secret": self.servers.and_then(generated),
                    "command": command,
                }),
            );
        }
        print::line(
            out,
            &format!("registered {}", print::harmless(&self.device.id)),
        )?;
        print::line(out, "On the device, as root:")?;
        print::line(out, &format!("  {command}"))?;
        if self.servers.is_none() && self.url.starts_with("http:") {
            let text = "The server proves itself by nothing over plain http: no device obeys it so. \
                Use https, or --server-auth md5 --replace.";
            print::line(out, text)?;
        }
        Ok(())
    }

    /// Secrets stand on standard input, never on a command line, unless they are in files.
    fn command(&self) -> String {
        let mut inputs = Vec::new();
        let mut command = format!(
            "omadm account add {} --server-id {} --address {}",
            quoted(&account_name(self.server_id)),
            quoted(self.server_id),
            quoted(self.url)
        );
        if self.url.starts_with("http:") {
            command += " --allow-http";
        }
        if self.new.auth != Scheme::Md5 {
            let scheme = store::scheme_name(self.device.client.scheme);
            let _ = write!(command, " --client-auth {scheme}");
        }
        let user = quoted(&self.device.client.user);
        let file = source(self.own, &mut inputs);
        let _ = write!(command, " --client-name {user} --client-secret-file {file}");
        match (&self.device.server, self.servers) {
            (Some(server), Some(servers)) => {
                let (user, file) = (quoted(&server.user), source(servers, &mut inputs));
                let scheme = store::scheme_name(server.scheme);
                let _ = write!(
                    command,
                    " --server-auth {scheme} --server-name {user} --server-secret-file {file}"
                );
            }
            _ => command += " --server-auth none --accept-tls",
        }
        if inputs.is_empty() {
            return command;
        }
        format!("printf '%s\\n' {} | {command}", inputs.join(" "))
    }
}

/// Where the device's command reads a secret.
fn source(given: &Given, inputs: &mut Vec<String>) -> String {
    match &given.file {
        Some(file) if file != Path::new("-") => quoted(&file.display().to_string()),
        _ => {
            inputs.push(quoted(&given.text));
            "-".into()
        }
    }
}

/// The name of a node for the account.
fn account_name(server_id: &str) -> String {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = server_id.chars().map(|c| if sound(c) { c } else { '-' });
    name.take(32).collect()
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn list(common: &Common, out: &mut dyn Write) -> Result<(), Error> {
    let devices = Store::open_existing(&common.db)?.devices()?;
    if common.json {
        return print::json(out, &devices);
    }
    let mut table = Table::new(&[
        "DEVICE",
        "AUTH",
        "SERVER AUTH",
        "MODEL",
        "LAST SEEN",
        "JOBS",
        "REMARK",
    ]);
    for device in &devices {
        let maker = device.manufacturer.as_deref().unwrap_or_default();
        let model = format!("{maker} {}", device.model.as_deref().unwrap_or_default());
        table.row(&[
            &device.id,
            &device.auth,
            &device.server_auth,
            model.trim(),
            device.last_seen.as_deref().unwrap_or_default(),
            &device.waiting_jobs.to_string(),
            device.cloned.as_ref().map_or("", |_| "looks cloned"),
        ]);
    }
    if table.is_empty() {
        return print::line(
            out,
            "no devices; register one with: omadm-server device add ID",
        );
    }
    table.print(out)
}

fn show(common: &Common, id: &str, out: &mut dyn Write) -> Result<(), Error> {
    let record = Store::open_existing(&common.db)?.device(id)?;
    let record = record.ok_or_else(|| unknown(id))?;
    if common.json {
        return print::json(out, &record);
    }
    facts(&record, out)?;
    if !record.dev_info.is_empty() {
        print::line(out, "\nDevInfo")?;
        let leaves = record.dev_info.iter();
        let leaves: Vec<_> = leaves.map(|(name, v)| (name.as_str(), v.clone())).collect();
        print::facts(out, &leaves)?;
    }
    if !record.alerts.is_empty() {
        print::line(out, "\nLast alerts")?;
        super::job::alerts(&record.alerts).print(out)?;
    }
    Ok(())
}

fn facts(record: &DeviceRecord, out: &mut dyn Write) -> Result<(), Error> {
    let proof = |secret: &Option<store::SecretSummary>| match secret {
        Some(secret) => format!(
            "{} as {}, secret {}",
            secret.auth, secret.user, secret.secret
        ),
        None => "none".into(),
    };
    let obex_proof = |record: &DeviceRecord| match record.obex.as_deref() {
        Some("") => "secret ***".into(),
        Some(user) => format!("as {user}, secret ***"),
        None => "nothing of its own".into(),
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut failure = text(&record.last_failure);
    if let Some(time) = &record.last_failure_time {
        let _ = write!(failure, " ({time}; {} in all)", record.failed_logins);
    }
    let facts = [
        ("device", record.summary.id.clone()),
        ("proves itself by", proof(&record.client)),
        ("server proves itself by", proof(&record.server)),
        ("proves in OBEX", obex_proof(record)),
        ("registered", record.summary.created.clone()),
        ("last seen", text(&record.summary.last_seen)),
        ("encoding", text(&record.encoding)),
        ("jobs that wait", record.summary.waiting_jobs.to_string()),
        ("last failed login", failure),
        ("looks cloned", text(&record.summary.cloned)),
    ];
    print::facts(out, &facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (text, expected) in [
            ("plain-1.2/3:4+5=", "plain-1.2/3:4+5="),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn account_names_are_names_of_nodes() {
        assert_eq!(account_name("lab.example"), "lab.example");
        assert_eq!(account_name("http://lab/dm"), "http---lab-dm");
    }
}
