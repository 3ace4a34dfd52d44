-- What the host puts into requests of plugins, and plugins never see.
CREATE TABLE secrets (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    -- The id of the user whose own it is; empty for the organisation's.
    owner           TEXT NOT NULL,
    name            TEXT NOT NULL,
    -- Sealed: a user's with the user's key, the organisation's with one from the master key.
    value           BLOB NOT NULL,
    author_id       TEXT NOT NULL REFERENCES users (id),
    created_at_ms   BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, owner, name)
);
