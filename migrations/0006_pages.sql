-- Lists of incidents in pages: each filter that leaves few has an order of its own, so that no page reads what it doesn't show.

CREATE INDEX incidents_open_opened ON incidents (opened_at, id) WHERE status = 'open';
CREATE INDEX incidents_namespace_opened ON incidents (namespace, opened_at, id);
