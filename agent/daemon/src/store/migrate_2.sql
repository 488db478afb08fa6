-- From version 1: what the schedule of an account counts from, and why its last session failed.
ALTER TABLE account_record ADD COLUMN detail TEXT;
ALTER TABLE account_record ADD COLUMN anchor_wall INTEGER;
ALTER TABLE account_record ADD COLUMN anchor_power_on INTEGER;
ALTER TABLE account_record ADD COLUMN not_before INTEGER;
ALTER TABLE account_record ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
