-- The state of the agent. Texts are UTF-8, times are microseconds since 1970-01-01 00:00 UTC.

-- Single facts: DevId, the boot that was last seen …
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The stored nodes. uri is canonical without "./"; the root is ".".
CREATE TABLE node (
    uri TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    type TEXT,
    title TEXT,
    acl TEXT,
    tstamp INTEGER,
    verno INTEGER NOT NULL,
    value BLOB NOT NULL,
    blob_id INTEGER,
    blob_len INTEGER,
    blob_base64 INTEGER
) STRICT, WITHOUT ROWID;

-- What the administrator of the machine allows an account; no server can reach it.
CREATE TABLE account_policy (
    name TEXT PRIMARY KEY,
    policy TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How the sessions of an account have gone.
CREATE TABLE account_record (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    result TEXT,
    ended INTEGER,
    succeeded INTEGER,
    detail TEXT,
    anchor_wall INTEGER,
    anchor_power_on INTEGER,
    not_before INTEGER,
    crashes INTEGER NOT NULL DEFAULT 0,
    resync_wall INTEGER,
    resync_power_on INTEGER
) STRICT, WITHOUT ROWID;

-- Generic Alerts that no server has answered yet, oldest first.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    source TEXT,
    type TEXT NOT NULL,
    format TEXT NOT NULL,
    mark TEXT NOT NULL,
    correlator TEXT,
    data BLOB NOT NULL
) STRICT;

-- Execs that were taken, so that a repeated one does not run twice.
CREATE TABLE exec (
    id INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    correlator TEXT NOT NULL,
    uri TEXT NOT NULL,
    taken INTEGER
) STRICT;
CREATE UNIQUE INDEX exec_key ON exec (server, correlator);

-- The notifications that were followed, so that none is followed twice.
CREATE TABLE notification (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    digest BLOB NOT NULL,
    session_id INTEGER NOT NULL
) STRICT;
CREATE INDEX notification_account ON notification (account);

-- Who did what.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    time INTEGER,
    who TEXT NOT NULL,
    what TEXT NOT NULL
) STRICT;
