//! The registry: devices, their credentials, what they said of themselves and their alerts.

use super::{Store, StoredValue};
use crate::clock::{milliseconds, rfc3339};
use crate::error::Error;
use crate::session::{Credential, Device};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_syncml::Wall;
use omadm_syncml::auth::{AuthScheme, Secret};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A device that is to be registered.
pub struct NewDevice {
    /// The device with its credentials.
    pub device: Device,
    /// Whether the credentials of a registered device are replaced.
    pub replace: bool,
}

/// A line of `device list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceSummary {
    /// Its `DevId`.
    pub id: String,
    /// How it proves itself: `basic`, `md5` or `hmac`.
    pub auth: String,
    /// How the server proves itself: `basic`, `md5`, `hmac` or `none`.
    pub server_auth: String,
    /// `Man` of its DevInfo.
    pub manufacturer: Option<String>,
    /// `Mod` of its DevInfo.
    pub model: Option<String>,
    /// When it was registered.
    pub created: String,
    /// When it last proved itself.
    pub last_seen: Option<String>,
    /// Jobs that wait or run.
    pub waiting_jobs: i64,
    /// Why it looks as if two devices used this name.
    pub cloned: Option<String>,
}

/// Credentials without their secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretSummary {
    /// `basic`, `md5` or `hmac`.
    pub auth: String,
    /// The user name.
    pub user: String,
    /// Always masked.
    pub secret: &'static str,
}

/// An alert of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRecord {
    /// When it came.
    pub time: String,
    /// The alert code.
    pub code: u16,
    /// `Meta/Type`.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// `Meta/Format`.
    pub format: Option<String>,
    /// `Meta/Mark`.
    pub mark: Option<String>,
    /// The correlator of the `Exec` it answers.
    pub correlator: Option<String>,
    /// The node it concerns.
    pub source: Option<String>,
    /// Its data.
    #[serde(flatten)]
    pub value: StoredValue,
}

/// All that is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRecord {
    /// The line of the list.
    #[serde(flatten)]
    pub summary: DeviceSummary,
    /// What the device shows.
    pub client: Option<SecretSummary>,
    /// What the server shows.
    pub server: Option<SecretSummary>,
    /// The name by which both prove themselves in OBEX, if it has one of its own.
    pub obex: Option<String>,
    /// The encoding of its last message.
    pub encoding: Option<String>,
    /// How often it could not prove itself.
    pub failed_logins: i64,
    /// Why it could not the last time.
    pub last_failure: Option<String>,
    /// When that was.
    pub last_failure_time: Option<String>,
    /// The leaves of its DevInfo.
    pub dev_info: BTreeMap<String, String>,
    /// Its last alerts, newest first.
    pub alerts: Vec<AlertRecord>,
}

impl Store {
    /// Registers a device; `false` when it is registered already and is not to be replaced.
    pub fn add_device(&mut self, new: &NewDevice, now: Wall) -> Result<bool, Error> {
        self.change(|transaction| {
            let device = &new.device;
            let query = "INSERT INTO devices (id, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let added = transaction.execute(query, params![device.id, milliseconds(now)])?;
            if added == 0 && !new.replace {
                return Ok(false);
            }
            // With new credentials nobody can have the nonces of the old ones: the ends have to
            // find together again, whenever they last did.
            let query = "UPDATE devices SET resynchronised = NULL WHERE id = ?1";
            transaction.execute(query, [&device.id])?;
            transaction.execute("DELETE FROM secrets WHERE device = ?1", [&device.id])?;
            put_credential(transaction, &device.id, "device", &device.client)?;
            if let Some(server) = &device.server {
                put_credential(transaction, &device.id, "server", server)?;
            }
            Ok(true)
        })
    }

    /// Forgets a device with its jobs, results and sessions; `false` when there is none.
    pub fn remove_device(&mut self, id: &str) -> Result<bool, Error> {
        self.change(|transaction| {
            let removed = transaction.execute("DELETE FROM devices WHERE id = ?1", [id])?;
            if removed > 0 {
                transaction.execute("DELETE FROM sessions WHERE device = ?1", [id])?;
            }
            Ok(removed > 0)
        })
    }

    /// Whether a device is registered.
    pub fn has_device(&self, id: &str) -> Result<bool, Error> {
        self.read(|connection| {
            let query = "SELECT 1 FROM devices WHERE id = ?1";
            let found = connection.query_row(query, [id], |_| Ok(())).optional()?;
            Ok(found.is_some())
        })
    }

    /// The names of the registered devices.
    pub fn device_ids(&self) -> Result<Vec<String>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT id FROM devices ORDER BY id")?;
            let rows = statement.query_map((), |row| row.get(0))?;
            rows.collect()
        })
    }

    /// The registered devices by name.
    pub fn devices(&self) -> Result<Vec<DeviceSummary>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} ORDER BY d.id");
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map((), summary)?;
            rows.collect()
        })
    }

    /// What is known of one device.
    pub fn device(&self, id: &str) -> Result<Option<DeviceRecord>, Error> {
        self.read(|connection| {
            let query = format!("{SUMMARY} WHERE d.id = ?1");
            let found = connection.query_row(&query, [id], summary).optional()?;
            let Some(summary) = found else {
                return Ok(None);
            };
            record(connection, summary).map(Some)
        })
    }

    /// Alerts of a device that carry one of these correlators, oldest first.
    pub fn correlated_alerts(
        &self,
        device: &str,
        correlators: &[String],
    ) -> Result<Vec<AlertRecord>, Error> {
        self.read(|connection| {
            let mut found = Vec::new();
            for correlator in correlators {
                let condition = "device = ?1 AND correlator = ?2 ORDER BY id LIMIT 100";
                found.extend(alerts(connection, condition, &[device, correlator])?);
            }
            Ok(found)
        })
    }
}

const SUMMARY: &str = "SELECT d.id,
    (SELECT scheme FROM secrets WHERE device = d.id AND side = 'device') AS auth,
    (SELECT scheme FROM secrets WHERE device = d.id AND side = 'server') AS server_auth,
    (SELECT value FROM dev_info WHERE device = d.id AND name = 'Man') AS manufacturer,
    (SELECT value FROM dev_info WHERE device = d.id AND name = 'Mod') AS model,
    d.created, d.last_seen, d.cloned,
    (SELECT COUNT(*) FROM jobs WHERE device = d.id AND state IN ('queued', 'sent')) AS waiting
    FROM devices d";

fn summary(row: &Row<'_>) -> rusqlite::Result<DeviceSummary> {
    let auth: Option<String> = row.get("auth")?;
    let server_auth: Option<String> = row.get("server_auth")?;
    let none = || "none".to_owned();
    Ok(DeviceSummary {
        id: row.get("id")?,
        auth: auth.unwrap_or_else(none),
        server_auth: server_auth.unwrap_or_else(none),
        manufacturer: row.get("manufacturer")?,
        model: row.get("model")?,
        created: rfc3339(row.get("created")?),
        last_seen: row.get::<_, Option<i64>>("last_seen")?.map(rfc3339),
        waiting_jobs: row.get("waiting")?,
        cloned: row.get("cloned")?,
    })
}

fn record(connection: &Connection, summary: DeviceSummary) -> rusqlite::Result<DeviceRecord> {
    let id = summary.id.clone();
    let masked = |side: &str| -> rusqlite::Result<Option<SecretSummary>> {
        let credential = credential(connection, &id, side)?;
        Ok(credential.map(|credential| SecretSummary {
            auth: scheme_name(credential.scheme).to_owned(),
            user: credential.user,
            secret: "***",
        }))
    };
    let client = masked("device")?;
    let server = masked("server")?;
    let obex = super::obex::user(connection, &id)?;
    let dev_info = dev_info(connection, &id)?;
    let alerts = alerts(
        connection,
        "device = ?1 ORDER BY id DESC LIMIT 20",
        &[id.as_str()],
    )?;
    let query = "SELECT encoding, failed_logins, last_failure, last_failure_time
        FROM devices WHERE id = ?1";
    connection.query_row(query, [&id], |row| {
        Ok(DeviceRecord {
            summary,
            client,
            server,
            obex,
            encoding: row.get(0)?,
            failed_logins: row.get(1)?,
            last_failure: row.get(2)?,
            last_failure_time: row.get::<_, Option<i64>>(3)?.map(rfc3339),
            dev_info,
            alerts,
        })
    })
}

fn dev_info(connection: &Connection, id: &str) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare("SELECT name, value FROM dev_info WHERE device = ?1")?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn alerts(
    connection: &Connection,
    condition: &str,
    parameters: &[&str],
) -> rusqlite::Result<Vec<AlertRecord>> {
    let query = format!(
        "SELECT time, code, type, format, mark, correlator, source, value
            FROM alerts WHERE {condition}"
    );
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
        Ok(AlertRecord {
            time: rfc3339(row.get(0)?),
            code: row.get(1)?,
            type_: row.get(2)?,
            format: row.get(3)?,
            mark: row.get(4)?,
            correlator: row.get(5)?,
            source: row.get(6)?,
            value: row.get(7)?,
        })
    })?;
    rows.collect()
}

/// The device for the session engine. One that is not registered gets credentials nobody has.
pub(crate) fn load(connection: &Connection, id: &str) -> rusqlite::Result<Device> {
    let client = credential(connection, id, "device")?;
    Ok(Device {
        id: id.to_owned(),
        known: client.is_some(),
        server: credential(connection, id, "server")?,
        client: client.unwrap_or_else(|| Credential {
            scheme: AuthScheme::Md5,
            user: id.to_owned(),
            secret: Secret::new(vec![0; 24]),
            nonce: Vec::new(),
        }),
    })
}

fn credential(
    connection: &Connection,
    device: &str,
    side: &str,
) -> rusqlite::Result<Option<Credential>> {
    let query = "SELECT scheme, user, secret, nonce FROM secrets WHERE device = ?1 AND side = ?2";
    let read = |row: &Row<'_>| {
        let scheme: String = row.get(0)?;
        Ok(Credential {
            scheme: AuthScheme::from_word(&scheme).unwrap_or(AuthScheme::Md5),
            user: row.get(1)?,
            secret: Secret::new(octets(row, 2)?),
            nonce: octets(row, 3)?,
        })
    };
    connection.query_row(query, [device, side], read).optional()
}

pub(super) fn octets(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    let text: Zeroizing<String> = Zeroizing::new(row.get(column)?);
    let octets = STANDARD.decode(text.as_bytes());
    octets.map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(e)))
}

fn put_credential(
    transaction: &Transaction<'_>,
    device: &str,
    side: &str,
    credential: &Credential,
) -> rusqlite::Result<()> {
    let secret = Zeroizing::new(STANDARD.encode(credential.secret.expose()));
    let nonce = STANDARD.encode(&credential.nonce);
    let scheme = scheme_name(credential.scheme);
    let query = "INSERT INTO secrets (device, side, scheme, user, secret, nonce)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![device, side, scheme, credential.user, *secret, nonce];
    transaction.execute(query, values).map(drop)
}

/// The word of the command line for a scheme.
pub(crate) const fn scheme_name(scheme: AuthScheme) -> &'static str {
    scheme.as_word()
}
