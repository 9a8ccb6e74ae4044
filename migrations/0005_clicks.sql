-- What people answer: to analyses, and to what is proposed. This file is never changed once it was released.

ALTER TABLE incidents ADD COLUMN clicked_at INTEGER; -- when somebody last pressed a button under it

CREATE TABLE feedback (
  run_id      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  by_kind     TEXT NOT NULL,
  by_id       TEXT NOT NULL,
  by_name     TEXT NOT NULL, -- shown, never compared
  incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  channel     TEXT NOT NULL,
  score       INTEGER NOT NULL CONSTRAINT score_known CHECK (score BETWEEN 1 AND 5),
  is_accepted INTEGER NOT NULL CONSTRAINT yes_or_no CHECK (is_accepted IN (0, 1)),
  reason      TEXT,
  cause       TEXT,
  comment     TEXT,
  at          INTEGER NOT NULL,
  PRIMARY KEY (run_id, by_kind, by_id) -- one answer of a person about a run
) STRICT;

CREATE INDEX feedback_incident ON feedback (incident_id, at);
CREATE INDEX feedback_at ON feedback (at);

-- Buttons under messages. Who reads this can press none: of a token there is the hash. No foreign keys, since what a button
-- was about is told for a while after it is gone.
CREATE TABLE buttons (
  hash        BLOB PRIMARY KEY, -- SHA-256 of the token
  set_id      TEXT NOT NULL,    -- those of one message or answer
  verb        TEXT NOT NULL,
  incident_id TEXT NOT NULL,
  run_id      TEXT NOT NULL,
  attempt_id  TEXT,
  digest      TEXT,
  channel_id  TEXT, -- NULL until it is known where the message stands
  message_id  TEXT, -- NULL too of an answer that one person alone sees
  user_id     TEXT, -- whose it is, of such an answer
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  used_at     INTEGER,
  CONSTRAINT about_whole CHECK ((attempt_id IS NULL) = (digest IS NULL))
) STRICT;

CREATE INDEX buttons_set ON buttons (set_id);
CREATE INDEX buttons_message ON buttons (message_id, run_id, created_at) WHERE message_id IS NOT NULL;
CREATE INDEX buttons_expired ON buttons (expires_at);

-- Channels that a message of ours stands in.
CREATE TABLE places (
  channel_id TEXT PRIMARY KEY,
  at         INTEGER NOT NULL
) STRICT;

-- Each interaction counts once.
CREATE TABLE interactions (
  id          TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL,
  at          INTEGER NOT NULL,
  is_decision INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX interactions_user ON interactions (user_id, at);
CREATE INDEX interactions_at ON interactions (at);

-- Who clicked and waits to be told what became of it. The token goes with the last answer.
CREATE TABLE replies (
  id             TEXT PRIMARY KEY,
  application_id TEXT NOT NULL,
  token          TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  attempt_id     TEXT NOT NULL,
  waits_for      TEXT NOT NULL CONSTRAINT answer_known CHECK (waits_for IN ('outcome', 'plan')),
  expires_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX replies_attempt ON replies (attempt_id);
CREATE INDEX replies_expired ON replies (expires_at);
