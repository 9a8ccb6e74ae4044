-- What calls to language models cost, so that a day's budget holds for all processes together.
-- A row is made before a call with its worst case, and then set to what it really was; a crash leaves the worst case.

CREATE TABLE model_spending (
  id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: a late settlement can't hit another call
  day       TEXT NOT NULL, -- YYYY-MM-DD, UTC
  micro_usd INTEGER NOT NULL CONSTRAINT never_negative CHECK (micro_usd >= 0),
  settled   INTEGER NOT NULL CONSTRAINT yes_or_no CHECK (settled IN (0, 1))
) STRICT;

CREATE INDEX model_spending_day ON model_spending (day, micro_usd);
