-- Checkpoints: immutable, named references to manifests. Name, note and manifest are sealed with the
-- row's own key; `name_hash` is keyed, so that a name is found without standing in clear.
CREATE TABLE checkpoints (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    name_hash       BLOB NOT NULL,
    -- Counts what was saved under the name.
    version         BIGINT NOT NULL,
    -- Name, note and what a list shows, sealed.
    label           BLOB NOT NULL,
    manifest        BLOB NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    UNIQUE (conversation_id, name_hash, version)
);
CREATE INDEX checkpoints_by_conversation ON checkpoints (conversation_id, created_at_ms);

-- The assets that hold the bytes of a checkpoint's files. One is shared by every checkpoint whose
-- files have not changed since.
CREATE TABLE checkpoint_packs (
    checkpoint_id TEXT NOT NULL REFERENCES checkpoints (id),
    asset_id      TEXT NOT NULL REFERENCES assets (id),
    PRIMARY KEY (checkpoint_id, asset_id)
);
CREATE INDEX checkpoint_packs_by_asset ON checkpoint_packs (asset_id);
