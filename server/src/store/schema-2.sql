-- When the device was last notified with the nonce to resynchronise with.
ALTER TABLE devices ADD COLUMN resynchronised INTEGER;

-- What both ends of a line prove to each other in OBEX; base64, as other secrets.
CREATE TABLE obex_secrets (
  device TEXT PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
  user TEXT NOT NULL,
  secret TEXT NOT NULL
) WITHOUT ROWID;

-- Package 0 as it was made: a device refuses a session's number that it has seen.
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  session_id INTEGER NOT NULL,
  time INTEGER NOT NULL,
  resync INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('open', 'ignored', 'answered'))
);
CREATE INDEX notifications_by_device ON notifications (device, id);
