-- Incidents, their analyses, attempts at changing something, and the log of who did what.
-- Times are milliseconds since 1970, UTC. JSON columns hold JSON text. This file is never changed once it was released.

PRAGMA application_id = 0x53524543;

CREATE TABLE incidents (
  id          TEXT PRIMARY KEY,
  cluster     TEXT NOT NULL,
  namespace   TEXT NOT NULL, -- empty for cluster-scoped subjects
  kind        TEXT NOT NULL,
  name        TEXT NOT NULL,
  status      TEXT NOT NULL CONSTRAINT status_known CHECK (status IN ('open', 'resolved', 'merged')),
  opened_at   INTEGER NOT NULL,
  resolved_at INTEGER,
  merged_into TEXT,
  verdict     TEXT,
  cause       TEXT,
  summary     TEXT,
  CONSTRAINT resolved_has_time CHECK (status <> 'resolved' OR resolved_at IS NOT NULL),
  CONSTRAINT merged_has_other CHECK ((status = 'merged') = (merged_into IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX incidents_open ON incidents (cluster, namespace, kind, name) WHERE status = 'open';
CREATE INDEX incidents_subject ON incidents (cluster, namespace, kind, name, resolved_at);
CREATE INDEX incidents_opened ON incidents (opened_at, id);

CREATE TABLE runs (
  id          TEXT PRIMARY KEY,
  incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
  verdict     TEXT NOT NULL,
  cause       TEXT,
  captured_at INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  report      TEXT NOT NULL
) STRICT;

CREATE INDEX runs_incident ON runs (incident_id, created_at);

-- Attempts outlive the incidents and runs that they name, which retention removes: no foreign keys to these.
CREATE TABLE attempts (
  id               TEXT PRIMARY KEY,
  code             TEXT NOT NULL UNIQUE,
  nonce            TEXT NOT NULL UNIQUE,
  incident_id      TEXT NOT NULL,
  run_id           TEXT NOT NULL,
  digest           TEXT NOT NULL,
  try              INTEGER NOT NULL,
  plan             TEXT NOT NULL,
  cluster          TEXT NOT NULL,
  target           TEXT NOT NULL,
  context          TEXT NOT NULL,
  state            TEXT NOT NULL CONSTRAINT state_known CHECK (state IN ('proposed', 'approved', 'claimed', 'running', 'unknown',
                     'succeeded', 'verified', 'not_verified', 'undone', 'failed', 'declined', 'expired', 'superseded')),
  version          INTEGER NOT NULL,
  requested_by     TEXT,
  decided_by       TEXT,
  decided_at       INTEGER,
  created_at       INTEGER NOT NULL,
  changed_at       INTEGER NOT NULL,
  expires_at       INTEGER NOT NULL,
  lease_until      INTEGER,
  fence            INTEGER NOT NULL,
  sent_at          INTEGER,
  token            TEXT,
  resource_version TEXT,
  sends            INTEGER NOT NULL,
  before           TEXT,
  after            TEXT,
  reason           TEXT,
  verify_due_at    INTEGER,
  verification     TEXT,
  undo_of          TEXT REFERENCES attempts (id),
  CONSTRAINT one_of_its_kind UNIQUE (run_id, digest, try),
  CONSTRAINT approved_by_somebody CHECK (state NOT IN ('approved', 'claimed', 'running', 'unknown', 'succeeded', 'verified',
    'not_verified', 'undone', 'declined') OR decided_by IS NOT NULL),
  CONSTRAINT worked_on_under_lease CHECK ((state IN ('claimed', 'running')) = (lease_until IS NOT NULL)),
  CONSTRAINT sent_at_some_time CHECK (state NOT IN ('running', 'unknown', 'succeeded', 'verified', 'not_verified', 'undone')
    OR sent_at IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX attempts_proposed ON attempts (incident_id) WHERE state = 'proposed';
CREATE UNIQUE INDEX attempts_target ON attempts (cluster, target)
  WHERE state IN ('approved', 'claimed', 'running', 'unknown');
CREATE INDEX attempts_incident ON attempts (incident_id, created_at);
CREATE INDEX attempts_created ON attempts (created_at, id);
CREATE INDEX attempts_state ON attempts (state);
CREATE INDEX attempts_sent ON attempts (cluster, target, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX attempts_decided ON attempts (decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE audit (
  seq         INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  event       TEXT NOT NULL,
  actor       TEXT NOT NULL,
  channel     TEXT NOT NULL,
  incident_id TEXT,
  run_id      TEXT,
  attempt_id  TEXT,
  digest      TEXT,
  target      TEXT,
  data        TEXT NOT NULL,
  prev        TEXT NOT NULL,
  hash        TEXT NOT NULL
) STRICT;

CREATE INDEX audit_incident ON audit (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX audit_attempt ON audit (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX audit_at ON audit (at);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is insert only');
END;

CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is insert only');
END;

-- REPLACE removes rows without the trigger above: a row may only follow the last one.
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is insert only');
END;

CREATE TABLE keys (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;
