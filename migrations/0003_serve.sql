-- Alerts as their senders deliver them, the jobs and messages that come of them, and what happens by the clock.
-- `…_at` are our times, except starts_at, ended_at and quiet_at, which are the sender's. This file is never changed once it
-- was released.

ALTER TABLE incidents ADD COLUMN severity TEXT; -- the highest so far; NULL where no alert is known
ALTER TABLE incidents ADD COLUMN is_chronic INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN truncated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN settles_at INTEGER; -- when its end is announced
ALTER TABLE incidents ADD COLUMN quiet_at INTEGER;   -- when its last episode ended
ALTER TABLE incidents ADD COLUMN quiet_how TEXT;

CREATE INDEX incidents_settling ON incidents (settles_at) WHERE settles_at IS NOT NULL;

-- What the subject that labels name turned out to be: the next alert goes to the right incident at once.
CREATE TABLE subjects (
  cluster        TEXT NOT NULL,
  namespace      TEXT NOT NULL,
  kind           TEXT NOT NULL,
  name           TEXT NOT NULL,
  real_namespace TEXT NOT NULL,
  real_kind      TEXT NOT NULL,
  real_name      TEXT NOT NULL,
  at             INTEGER NOT NULL,
  PRIMARY KEY (cluster, namespace, kind, name)
) STRICT;

CREATE TABLE episodes (
  number        INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  cluster       TEXT NOT NULL,
  fingerprint   TEXT NOT NULL,
  name          TEXT NOT NULL,
  severity      TEXT, -- NULL where the label is missing or unknown, which counts as a warning
  labels        TEXT NOT NULL,
  annotations   TEXT NOT NULL,
  generator_url TEXT NOT NULL,
  marks         TEXT NOT NULL,
  starts_at     INTEGER NOT NULL,
  ended_at      INTEGER,
  end_how       TEXT CONSTRAINT end_known CHECK (end_how IN ('notified', 'implied', 'absent')),
  end_heard_at  INTEGER,
  begun_at      INTEGER NOT NULL,
  heard_at      INTEGER NOT NULL,
  incident_id   TEXT REFERENCES incidents (id) ON DELETE CASCADE, -- NULL where it is kept and nothing else
  is_flap       INTEGER NOT NULL,
  is_cycle      INTEGER NOT NULL,
  is_silent     INTEGER NOT NULL DEFAULT 0,
  is_stuck      INTEGER NOT NULL DEFAULT 0,
  changed_in    INTEGER NOT NULL, -- the number of the intake that changed it last, which a repeat doesn't
  CONSTRAINT ended_whole CHECK ((end_how IS NULL) = (ended_at IS NULL) AND (end_how IS NULL) = (end_heard_at IS NULL))
) STRICT;

CREATE INDEX episodes_alert ON episodes (cluster, fingerprint, starts_at);
CREATE INDEX episodes_incident ON episodes (incident_id, name) WHERE incident_id IS NOT NULL;
CREATE INDEX episodes_firing ON episodes (incident_id, name) WHERE end_how IS NULL;
CREATE INDEX episodes_cycles ON episodes (incident_id, begun_at) WHERE is_cycle;
CREATE INDEX episodes_history ON episodes (end_heard_at) WHERE incident_id IS NULL;

-- What was delivered, whole, and what was answered.
CREATE TABLE intakes (
  number INTEGER PRIMARY KEY,
  id     TEXT NOT NULL,
  key    BLOB NOT NULL UNIQUE,
  at     INTEGER NOT NULL,
  answer TEXT NOT NULL,
  body   BLOB NOT NULL
) STRICT;

CREATE INDEX intakes_at ON intakes (at);

CREATE TABLE set_aside (
  number    INTEGER PRIMARY KEY,
  intake_id TEXT, -- NULL of a body that could not be read at all
  at        INTEGER NOT NULL,
  position  INTEGER NOT NULL,
  code      TEXT NOT NULL,
  raw       BLOB NOT NULL
) STRICT;

CREATE INDEX set_aside_at ON set_aside (at);

CREATE TABLE jobs (
  id                  TEXT PRIMARY KEY,
  kind                TEXT NOT NULL,
  lane                TEXT NOT NULL,
  state               TEXT NOT NULL CONSTRAINT job_state_known
                        CHECK (state IN ('queued', 'running', 'done', 'failed', 'superseded')),
  class               TEXT NOT NULL,
  rank                INTEGER NOT NULL, -- the least goes first
  incident_id         TEXT,
  run_id              TEXT,
  dedup_key           TEXT,
  payload             TEXT NOT NULL,
  requested_by        TEXT,
  attempts            INTEGER NOT NULL DEFAULT 0,
  failures            INTEGER NOT NULL DEFAULT 0, -- dead ones in a row before it
  created_at          INTEGER NOT NULL,
  not_before          INTEGER NOT NULL,
  started_at          INTEGER,
  finished_at         INTEGER,
  retry_at            INTEGER,
  lease_token         TEXT,
  lease_until         INTEGER,
  follow_up           TEXT, -- the trigger that came while it ran
  resolved_during_run INTEGER NOT NULL DEFAULT 0,
  result              TEXT,
  last_error          TEXT,
  CONSTRAINT run_under_lease CHECK ((state = 'running') = (lease_token IS NOT NULL) AND (state = 'running') = (lease_until IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX jobs_dedup ON jobs (dedup_key) WHERE state = 'queued' AND dedup_key IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (lane, rank, not_before, incident_id) WHERE state = 'queued';
CREATE UNIQUE INDEX jobs_leased ON jobs (incident_id) WHERE state = 'running' AND incident_id IS NOT NULL;
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_failed ON jobs (incident_id, retry_at) WHERE state = 'failed';
CREATE INDEX jobs_incident ON jobs (incident_id, started_at) WHERE incident_id IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE periodic (
  name    TEXT PRIMARY KEY,
  next_at INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
  number      INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  channel     TEXT NOT NULL,
  op          TEXT NOT NULL,
  incident_id TEXT,
  payload     TEXT NOT NULL,
  state       TEXT NOT NULL CONSTRAINT message_state_known CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'dry_run')),
  attempts    INTEGER NOT NULL DEFAULT 0,
  created_at  INTEGER NOT NULL,
  not_before  INTEGER NOT NULL,
  lease_token TEXT,
  sent_at     INTEGER,
  message_id  TEXT,
  last_error  TEXT
) STRICT;

CREATE INDEX outbox_waiting ON outbox (not_before, number) WHERE state = 'queued';
CREATE INDEX outbox_incident ON outbox (incident_id, channel) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_sent ON outbox (incident_id, channel, number) WHERE message_id IS NOT NULL;
CREATE INDEX outbox_ended ON outbox (sent_at) WHERE sent_at IS NOT NULL;
