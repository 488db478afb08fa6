-- From version 2: the notifications that were followed, so that none is followed twice.
CREATE TABLE notification (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    digest BLOB NOT NULL,
    session_id INTEGER NOT NULL
) STRICT;
CREATE INDEX notification_account ON notification (account);
ALTER TABLE account_record ADD COLUMN resync_wall INTEGER;
ALTER TABLE account_record ADD COLUMN resync_power_on INTEGER;
