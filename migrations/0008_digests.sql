-- What ended within a day, for digests: without reading what ended in the half year before.
-- This file is never changed once it was released.

CREATE INDEX episodes_ended ON episodes (end_heard_at) WHERE incident_id IS NOT NULL AND end_how IS NOT NULL;
