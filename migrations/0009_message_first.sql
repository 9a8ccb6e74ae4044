-- When the alert of a message began first, for "x2 in 30 min, first 11:02".
-- This file is never changed once it was released.

ALTER TABLE messages ADD COLUMN first_at INTEGER NOT NULL DEFAULT 0; -- by our clock
UPDATE messages SET first_at = last_at;
