-- Conversations. A turn is its question's job: the question in its payload, the answer in its result.
-- This file is never changed once it was released.

CREATE TABLE conversations (
  id          TEXT PRIMARY KEY,
  asked_by    TEXT NOT NULL,
  incident_id TEXT,             -- what it was opened about, where that was said
  target      TEXT,             -- the same, of an object: JSON
  opened_at   INTEGER NOT NULL,
  questions   INTEGER NOT NULL  -- answered or not
) STRICT;
CREATE INDEX conversations_opened ON conversations (opened_at);
CREATE INDEX jobs_conversation ON jobs (payload ->> '$.conversation_id', id) WHERE kind = 'ask';
