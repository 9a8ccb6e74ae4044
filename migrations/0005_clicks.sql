-- What people answer: to analyses, and to what is proposed. This file is never changed once it was released.

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
