-- Questions to a person: may this call run, or what does its tool need? What was asked for is on
-- the call's item; the row says which call it was, who answered and when.
CREATE TABLE approvals (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    -- NULL where nothing is stored.
    conversation_id TEXT,
    response_id     TEXT NOT NULL,
    item_id         TEXT NOT NULL,
    -- `policy`, `flow` or `input`.
    kind            TEXT NOT NULL,
    plugin          TEXT NOT NULL,
    digest          TEXT NOT NULL,
    tool            TEXT NOT NULL,
    -- The grant that the call would run under.
    grant_id        TEXT NOT NULL,
    -- Keyed hash over plugin, digest, tool, grant and canonical arguments.
    call_hash       BLOB NOT NULL,
    asked_at_ms     BIGINT NOT NULL,
    -- NULL while it waits.
    answer          TEXT,
    -- NULL where nobody answered.
    answered_by_id  TEXT REFERENCES users (id),
    answered_at_ms  BIGINT
);
CREATE INDEX approvals_by_conversation ON approvals (conversation_id, plugin, tool) WHERE answer = 'conversation';
CREATE INDEX approvals_waiting ON approvals (response_id) WHERE answer IS NULL;
