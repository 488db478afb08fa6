//! What is proven on a line before any message: OBEX names and secrets.

use super::Store;
use crate::error::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omadm_bindings::obex::ObexCredential;
use omadm_syncml::Secret;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;

impl Store {
    /// The OBEX credential of a device, if it has one of its own.
    pub fn obex_credential(&self, device: &str) -> Result<Option<ObexCredential>, Error> {
        self.read(|connection| {
            let query = "SELECT user, secret FROM obex_secrets WHERE device = ?1";
            connection.query_row(query, [device], credential).optional()
        })
    }

    /// Those of all devices.
    pub fn obex_credentials(&self) -> Result<Vec<ObexCredential>, Error> {
        self.read(|connection| {
            let query = "SELECT user, secret FROM obex_secrets ORDER BY device";
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map((), credential)?;
            rows.collect()
        })
    }

    /// Gives a registered device another OBEX credential, or none.
    pub fn set_obex_credential(
        &mut self,
        device: &str,
        credential: Option<&ObexCredential>,
    ) -> Result<(), Error> {
        self.change(|transaction| {
            let query = "DELETE FROM obex_secrets WHERE device = ?1";
            transaction.execute(query, [device])?;
            let Some(credential) = credential else {
                return Ok(());
            };
            let secret = Zeroizing::new(STANDARD.encode(credential.secret.expose()));
            let query = "INSERT INTO obex_secrets (device, user, secret) VALUES (?1, ?2, ?3)";
            let values = params![device, credential.user, *secret];
            transaction.execute(query, values).map(drop)
        })
    }
}

fn credential(row: &Row<'_>) -> rusqlite::Result<ObexCredential> {
    Ok(ObexCredential {
        user: row.get(0)?,
        secret: Secret::new(super::devices::octets(row, 1)?),
    })
}

/// The user name of a device's OBEX credential, for listings.
pub(super) fn user(connection: &Connection, device: &str) -> rusqlite::Result<Option<String>> {
    let query = "SELECT user FROM obex_secrets WHERE device = ?1";
    connection
        .query_row(query, [device], |row| row.get(0))
        .optional()
}
