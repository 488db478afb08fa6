//! Changes and rows: how each thing is written to its table and read back.

use omadm_dm::session::ExecKey;
use omadm_dm::{Acl, Node, NodeWrite};
use omadm_syncml::{AlertId, Format, GenericAlert, Mark, Uri, Value, Wall};
use omadm_syncml::{BlobEncoding, BlobId};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Result, Row, params};
use std::time::Duration;

use super::record::{AccountRecord, Anchor, Change, ExecRow, Loaded, Notified};

/// How many `Exec`s of each server are remembered.
const EXECS_PER_SERVER: i64 = 64;

/// How many notifications of each account are remembered.
pub const NOTIFIED_PER_ACCOUNT: usize = 64;

pub(super) fn write(connection: &Connection, change: &Change) -> Result<()> {
    match change {
        Change::Node(NodeWrite::Put { uri, node }) => put_node(connection, uri, node),
        Change::Node(NodeWrite::Delete { uri }) => delete_subtree(connection, uri),
        Change::Meta { key, value } => connection
            .execute(
                "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
                params![key, value],
            )
            .map(drop),
        Change::Policy { account, policy } => connection
            .execute(
                "INSERT OR REPLACE INTO account_policy VALUES (?1, ?2)",
                params![account, policy],
            )
            .map(drop),
        Change::Forget { account } => forget(connection, account),
        Change::Record { account, record } => put_record(connection, account, record),
        Change::Notified { account, notified } => put_notified(connection, account, *notified),
        Change::Alert(alert) => put_alert(connection, alert),
        Change::Acknowledged(id) => connection
            .execute("DELETE FROM alert WHERE id = ?1", [integer(id.0)])
            .map(drop),
        Change::Exec(row) => put_exec(connection, row),
        Change::Audit { entry, keep } => {
            connection.execute(
                "INSERT INTO audit (time, who, what) VALUES (?1, ?2, ?3)",
                params![entry.time.map(micros), entry.who, entry.what],
            )?;
            let last = connection.last_insert_rowid();
            connection
                .execute(
                    "DELETE FROM audit WHERE id <= ?1",
                    [last - i64::from(*keep)],
                )
                .map(drop)
        }
    }
}

fn put_node(connection: &Connection, uri: &Uri, node: &Node) -> Result<()> {
    let (value, blob) = match &node.value {
        Value::Inline(bytes) => (bytes.as_ref(), None),
        Value::Blob { id, len, encoding } => (&[][..], Some((id, len, encoding))),
    };
    let base64 = |encoding| matches!(encoding, &BlobEncoding::Base64);
    let acl = (!node.acl.is_inherited()).then(|| node.acl.to_string());
    connection
        .execute(
            "INSERT OR REPLACE INTO node VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                uri.to_string(),
                node.format.as_str(),
                node.type_.as_deref(),
                node.title.as_deref(),
                acl,
                node.tstamp.map(micros),
                node.verno,
                value,
                blob.map(|(id, _, _)| integer(id.0)),
                blob.map(|(_, len, _)| integer(*len)),
                blob.map(|(_, _, encoding)| base64(encoding)),
            ],
        )
        .map(drop)
}

/// Escaped names hold no slash, so a subtree is the range from `./A/` to `./A0`.
fn delete_subtree(connection: &Connection, uri: &Uri) -> Result<()> {
    let uri = uri.to_string();
    let (from, to) = (format!("{uri}/"), format!("{uri}0"));
    connection
        .execute(
            "DELETE FROM node WHERE uri = ?1 OR (uri >= ?2 AND uri < ?3)",
            params![uri, from, to],
        )
        .map(drop)
}

fn forget(connection: &Connection, account: &str) -> Result<()> {
    connection.execute("DELETE FROM account_policy WHERE name = ?1", [account])?;
    connection.execute("DELETE FROM account_record WHERE name = ?1", [account])?;
    connection.execute("DELETE FROM notification WHERE account = ?1", [account])?;
    Ok(())
}

fn put_record(connection: &Connection, account: &str, record: &AccountRecord) -> Result<()> {
    connection
        .execute(
            "INSERT OR REPLACE INTO account_record (name, failures, result, ended, succeeded,
             detail, anchor_wall, anchor_power_on, not_before, crashes, resync_wall,
             resync_power_on)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                account,
                record.failures,
                record.result,
                record.ended.map(micros),
                record.succeeded.map(micros),
                record.detail,
                record.anchor.and_then(|anchor| anchor.wall).map(micros),
                record.anchor.map(|anchor| micros(Wall(anchor.power_on))),
                record.not_before.map(micros),
                record.crashes,
                record.resync.and_then(|anchor| anchor.wall).map(micros),
                record.resync.map(|anchor| micros(Wall(anchor.power_on))),
            ],
        )
        .map(drop)
}

fn put_notified(connection: &Connection, account: &str, notified: Notified) -> Result<()> {
    connection.execute(
        "INSERT INTO notification (account, digest, session_id) VALUES (?1, ?2, ?3)",
        params![account, notified.digest, notified.session_id],
    )?;
    let kept = i64::try_from(NOTIFIED_PER_ACCOUNT).unwrap_or(i64::MAX);
    connection
        .execute(
            "DELETE FROM notification WHERE account = ?1 AND id NOT IN
             (SELECT id FROM notification WHERE account = ?1 ORDER BY id DESC LIMIT ?2)",
            params![account, kept],
        )
        .map(drop)
}

fn put_alert(connection: &Connection, alert: &GenericAlert) -> Result<()> {
    let Some(data) = alert.data.as_bytes() else {
        let reason = "the data of an alert is kept in the row itself";
        return Err(Error::ToSqlConversionFailure(reason.into()));
    };
    connection
        .execute(
            "INSERT OR REPLACE INTO alert VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                integer(alert.id.0),
                alert.source.as_ref().map(Uri::to_string),
                alert.alert_type,
                alert.format.as_str(),
                alert.mark.as_str(),
                alert.correlator,
                data.as_ref(),
            ],
        )
        .map(drop)
}

fn put_exec(connection: &Connection, row: &ExecRow) -> Result<()> {
    let server = &row.key.server;
    connection.execute(
        "INSERT OR REPLACE INTO exec (server, correlator, uri, taken) VALUES (?1, ?2, ?3, ?4)",
        params![
            server,
            row.key.correlator,
            row.uri.to_string(),
            row.taken.map(micros)
        ],
    )?;
    connection
        .execute(
            "DELETE FROM exec WHERE server = ?1 AND id NOT IN
             (SELECT id FROM exec WHERE server = ?1 ORDER BY id DESC LIMIT ?2)",
            params![server, EXECS_PER_SERVER],
        )
        .map(drop)
}

pub(super) fn load(connection: &Connection) -> Result<Loaded> {
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let execs = "SELECT server, correlator FROM exec ORDER BY id";
    Ok(Loaded {
        meta: all(connection, "SELECT key, value FROM meta", pair)?,
        nodes: all(connection, "SELECT * FROM node ORDER BY uri", node)?,
        policies: all(connection, "SELECT name, policy FROM account_policy", pair)?,
        records: all(connection, "SELECT * FROM account_record", record)?,
        alerts: all(connection, "SELECT * FROM alert ORDER BY id", alert)?,
        execs: all(connection, execs, |row| {
            Ok(ExecKey {
                server: row.get(0)?,
                correlator: row.get(1)?,
            })
        })?,
        notified: all(
            connection,
            "SELECT account, digest, session_id FROM notification ORDER BY id",
            notified,
        )?,
    })
}

fn all<T, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<C> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

fn node(row: &Row<'_>) -> Result<(Uri, Node)> {
    let uri: String = row.get("uri")?;
    let acl: Option<String> = row.get("acl")?;
    let text = |column| -> Result<_> { Ok(row.get::<_, Option<String>>(column)?.map(Into::into)) };
    let node = Node {
        format: format(row, "format")?,
        type_: text("type")?,
        title: text("title")?,
        acl: read("acl", Acl::parse(acl.as_deref().unwrap_or_default()).ok())?,
        tstamp: wall(row, "tstamp")?,
        verno: row.get("verno")?,
        value: value(row)?,
    };
    Ok((read("uri", uri.parse().ok())?, node))
}

fn value(row: &Row<'_>) -> Result<Value> {
    let Some(id) = row.get::<_, Option<i64>>("blob_id")? else {
        return Ok(Value::from(row.get::<_, Vec<u8>>("value")?));
    };
    let base64: bool = row.get("blob_base64")?;
    Ok(Value::Blob {
        id: BlobId(read("blob_id", u64::try_from(id).ok())?),
        len: read(
            "blob_len",
            u64::try_from(row.get::<_, i64>("blob_len")?).ok(),
        )?,
        encoding: if base64 {
            BlobEncoding::Base64
        } else {
            BlobEncoding::Raw
        },
    })
}

fn record(row: &Row<'_>) -> Result<(String, AccountRecord)> {
    let record = AccountRecord {
        failures: row.get("failures")?,
        result: row.get("result")?,
        ended: wall(row, "ended")?,
        succeeded: wall(row, "succeeded")?,
        detail: row.get("detail")?,
        anchor: anchor(row, "anchor_wall", "anchor_power_on")?,
        not_before: wall(row, "not_before")?,
        crashes: row.get("crashes")?,
        resync: anchor(row, "resync_wall", "resync_power_on")?,
    };
    Ok((row.get("name")?, record))
}

fn notified(row: &Row<'_>) -> Result<(String, Notified)> {
    let digest: Vec<u8> = row.get("digest")?;
    let notified = Notified {
        digest: read("digest", digest.try_into().ok())?,
        session_id: row.get("session_id")?,
    };
    Ok((row.get("account")?, notified))
}

fn anchor(row: &Row<'_>, by_wall: &str, on: &str) -> Result<Option<Anchor>> {
    let power_on = wall(row, on)?;
    let wall = wall(row, by_wall)?;
    Ok(power_on.map(|Wall(power_on)| Anchor { wall, power_on }))
}

fn alert(row: &Row<'_>) -> Result<GenericAlert> {
    let source: Option<String> = row.get("source")?;
    let source = source
        .map(|uri| read("source", uri.parse().ok()))
        .transpose()?;
    let mark: String = row.get("mark")?;
    Ok(GenericAlert {
        id: AlertId(read("id", u64::try_from(row.get::<_, i64>("id")?).ok())?),
        source,
        alert_type: row.get("type")?,
        format: format(row, "format")?,
        mark: read("mark", Mark::parse(&mark))?,
        correlator: row.get("correlator")?,
        data: Value::from(row.get::<_, Vec<u8>>("data")?),
    })
}

fn format(row: &Row<'_>, column: &str) -> Result<Format> {
    let name: String = row.get(column)?;
    read("format", Format::parse(&name))
}

fn wall(row: &Row<'_>, column: &str) -> Result<Option<Wall>> {
    let micros: Option<i64> = row.get(column)?;
    let wall = |micros| Some(Wall(Duration::from_micros(u64::try_from(micros).ok()?)));
    micros.map(|micros| read("time", wall(micros))).transpose()
}

/// A row that does not read back is damage: it is reported, never passed over.
fn read<T>(column: &str, value: Option<T>) -> Result<T> {
    let reason = format!("column {column} holds what this program never wrote");
    value.ok_or_else(|| Error::FromSqlConversionFailure(0, Type::Text, reason.into()))
}

fn micros(wall: Wall) -> i64 {
    i64::try_from(wall.0.as_micros()).unwrap_or(i64::MAX)
}

/// `SQLite` has signed integers only; ids and lengths count up from zero.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
