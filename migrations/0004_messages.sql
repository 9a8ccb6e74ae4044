-- Which message of an incident stands where in the chat. This file is never changed once it was released.

CREATE TABLE messages (
  number      INTEGER PRIMARY KEY,
  incident_id TEXT NOT NULL,
  cluster     TEXT NOT NULL,
  alert       TEXT NOT NULL, -- the name of its first alert
  opened_at   INTEGER NOT NULL, -- the incident's
  content_key TEXT NOT NULL,
  state       TEXT NOT NULL CONSTRAINT state_known CHECK (state IN ('posting', 'stands', 'replaced', 'folded')),
  mark        TEXT NOT NULL, -- why it was posted
  severity    TEXT NOT NULL,
  channel     TEXT NOT NULL DEFAULT '', -- by name, where it stands
  message_id  TEXT, -- the chat's; NULL of one that was only rendered
  link        TEXT,
  replaces    INTEGER,
  replaced_by INTEGER,
  folded_into TEXT, -- the incident whose message names this one
  cycles      INTEGER NOT NULL, -- how often its alert had begun when it was looked at last
  repeats     INTEGER NOT NULL,
  posted_at   INTEGER,
  last_at     INTEGER NOT NULL, -- when its alert began last, by our clock
  content     TEXT, -- a digest of what it shows
  is_stale    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX messages_incident ON messages (incident_id, number);
CREATE INDEX messages_key ON messages (content_key, number) WHERE state = 'stands';
CREATE INDEX messages_burst ON messages (cluster, alert, opened_at);
CREATE INDEX messages_folded ON messages (folded_into) WHERE state = 'folded';
CREATE INDEX messages_unanswered ON messages (opened_at) WHERE state = 'stands' AND severity = 'critical' AND NOT is_stale;

ALTER TABLE outbox ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- in a row
ALTER TABLE outbox ADD COLUMN taken_at INTEGER; -- when somebody began to send it
ALTER TABLE outbox ADD COLUMN body TEXT; -- what was refused, or only rendered

-- What was said of the program's own trouble, and when.
CREATE TABLE troubles (
  cause   TEXT PRIMARY KEY,
  told_at INTEGER NOT NULL
) STRICT;
