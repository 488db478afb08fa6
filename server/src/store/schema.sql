-- Times are milliseconds since 1970-01-01 00:00:00 UTC.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  created INTEGER NOT NULL,
  last_seen INTEGER,
  encoding TEXT,
  failed_logins INTEGER NOT NULL DEFAULT 0,
  last_failure TEXT,
  last_failure_time INTEGER,
  cloned TEXT
) WITHOUT ROWID;

-- Secrets and nonces are base64, so that no glance at the file reads them.
CREATE TABLE secrets (
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  side TEXT NOT NULL CHECK (side IN ('device', 'server')),
  scheme TEXT NOT NULL,
  user TEXT NOT NULL,
  secret TEXT NOT NULL,
  nonce TEXT NOT NULL,
  PRIMARY KEY (device, side)
) WITHOUT ROWID;

CREATE TABLE dev_info (
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (device, name)
) WITHOUT ROWID;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  kind TEXT NOT NULL,
  operations TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'done', 'failed', 'cancelled')),
  created INTEGER NOT NULL,
  started INTEGER,
  finished INTEGER,
  concluded INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  broken_sessions INTEGER NOT NULL DEFAULT 0,
  detail TEXT,
  session INTEGER
);
CREATE INDEX jobs_by_device ON jobs (device, state, id);

CREATE TABLE statuses (
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  path TEXT NOT NULL,
  uri TEXT NOT NULL,
  name TEXT NOT NULL,
  status INTEGER,
  note TEXT,
  time INTEGER NOT NULL,
  PRIMARY KEY (job, path, uri)
) WITHOUT ROWID;

CREATE TABLE results (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  path TEXT NOT NULL,
  uri TEXT NOT NULL,
  format TEXT,
  type TEXT,
  value,
  time INTEGER NOT NULL
);
CREATE INDEX results_by_job ON results (job);

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  session INTEGER NOT NULL,
  time INTEGER NOT NULL,
  code INTEGER NOT NULL,
  type TEXT,
  format TEXT,
  mark TEXT,
  correlator TEXT,
  source TEXT,
  value
);
CREATE INDEX alerts_by_device ON alerts (device, id);

-- device is what the peer claims to be, registered or not.
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  token TEXT NOT NULL UNIQUE,
  device TEXT NOT NULL,
  session_id TEXT NOT NULL,
  phase TEXT NOT NULL,
  authenticated INTEGER NOT NULL DEFAULT 0,
  started INTEGER NOT NULL,
  last INTEGER NOT NULL,
  state TEXT NOT NULL,
  received INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  bytes_received INTEGER NOT NULL DEFAULT 0,
  bytes_sent INTEGER NOT NULL DEFAULT 0,
  peer_msg_id TEXT NOT NULL,
  request_digest BLOB NOT NULL,
  answer BLOB NOT NULL,
  answer_type TEXT NOT NULL,
  detail TEXT
);
CREATE INDEX sessions_by_device ON sessions (device, session_id, id);
CREATE INDEX sessions_by_phase ON sessions (phase, last);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  time INTEGER NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('received', 'sent', 'note')),
  media_type TEXT,
  bytes INTEGER,
  text TEXT NOT NULL
);
CREATE INDEX audit_by_session ON audit (session, id);
