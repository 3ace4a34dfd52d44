-- What plugins keep for users: one space per user and plugin. Names and values are sealed with the
-- space's key (`state:USER:PLUGIN` in row_keys); `name_hash` is keyed, so that a name is found
-- without standing in clear.
CREATE TABLE state_spaces (
    user_id    TEXT NOT NULL REFERENCES users (id),
    plugin     TEXT NOT NULL,
    -- Names and values together, before they were sealed.
    used_bytes BIGINT NOT NULL,
    entries    BIGINT NOT NULL,
    -- Counts changes.
    revision   BIGINT NOT NULL,
    PRIMARY KEY (user_id, plugin)
);

CREATE TABLE state_entries (
    user_id    TEXT NOT NULL,
    plugin     TEXT NOT NULL,
    name_hash  BYTEA NOT NULL,
    name       BYTEA NOT NULL,
    value      BYTEA NOT NULL,
    size_bytes BIGINT NOT NULL,
    -- The space's revision that wrote it.
    revision   BIGINT NOT NULL,
    PRIMARY KEY (user_id, plugin, name_hash),
    FOREIGN KEY (user_id, plugin) REFERENCES state_spaces (user_id, plugin)
);

-- The bytes of assets lie in files, sealed; each is there once for a user, found by the keyed hash
-- of what is in it.
CREATE TABLE asset_blobs (
    -- The file's name, and the row of its key.
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    address    BYTEA NOT NULL,
    size_bytes BIGINT NOT NULL,
    UNIQUE (user_id, address)
);

CREATE TABLE assets (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    -- The conversation that holds it; NULL where nothing is stored.
    conversation_id TEXT,
    plugin          TEXT NOT NULL,
    blob_id         TEXT NOT NULL REFERENCES asset_blobs (id),
    -- Media type and name, sealed.
    detail          BYTEA NOT NULL,
    -- Whether the call that made it gave it back.
    is_kept         BOOLEAN NOT NULL,
    created_at_ms   BIGINT NOT NULL
);
CREATE INDEX assets_by_conversation ON assets (conversation_id);
CREATE INDEX assets_by_blob ON assets (blob_id);
CREATE INDEX assets_passing ON assets (created_at_ms) WHERE NOT is_kept OR conversation_id IS NULL;
