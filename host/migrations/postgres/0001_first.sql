-- Ids are text (a prefix and 32 hex digits), times are milliseconds since the Unix epoch, and
-- what a person said is sealed. The schema is the same in migrations/sqlite.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE organisations (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE groups (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    name            TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    UNIQUE (organisation_id, name)
);

CREATE TABLE users (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    username        TEXT NOT NULL,
    -- The name in lower case: sign-in does not tell letters' case apart.
    username_key    TEXT NOT NULL UNIQUE,
    -- NULL: nobody can sign in with a password.
    password_hash   TEXT,
    -- The user that the key in the data folder acts as.
    is_local        BOOLEAN NOT NULL,
    created_at_ms   BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_one_local ON users (is_local) WHERE is_local;

CREATE TABLE memberships (
    group_id TEXT NOT NULL REFERENCES groups (id),
    user_id  TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE setup_tokens (
    token_hash    BYTEA PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE web_sessions (
    token_hash    BYTEA PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX web_sessions_by_user ON web_sessions (user_id);

CREATE TABLE api_keys (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    name            TEXT NOT NULL,
    secret_hash     BYTEA NOT NULL UNIQUE,
    created_at_ms   BIGINT NOT NULL,
    expires_at_ms   BIGINT,
    last_used_at_ms BIGINT,
    revoked_at_ms   BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- A user's key, wrapped by the master key. Deleting it erases all that the user ever said.
CREATE TABLE user_keys (
    user_id       TEXT PRIMARY KEY REFERENCES users (id),
    wrapped       BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- A row's key, wrapped by the user's key. Deleting it forgets that row.
CREATE TABLE row_keys (
    row_id  TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    wrapped BYTEA NOT NULL
);
CREATE INDEX row_keys_by_user ON row_keys (user_id);

CREATE TABLE conversations (
    id                TEXT PRIMARY KEY,
    organisation_id   TEXT NOT NULL REFERENCES organisations (id),
    user_id           TEXT NOT NULL REFERENCES users (id),
    title             BYTEA NOT NULL,
    -- The branch that last grew.
    current_branch_id TEXT NOT NULL,
    created_at_ms     BIGINT NOT NULL,
    updated_at_ms     BIGINT NOT NULL
);
CREATE INDEX conversations_by_user ON conversations (user_id, updated_at_ms, id);

-- The append-only tree. `parent_id` is in the same conversation; `hash` covers the item and its
-- parent's hash.
CREATE TABLE items (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    parent_id       TEXT,
    response_id     TEXT,
    depth           BIGINT NOT NULL,
    kind            TEXT NOT NULL,
    payload         BYTEA NOT NULL,
    hash            BYTEA NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    UNIQUE (conversation_id, id),
    FOREIGN KEY (conversation_id, parent_id) REFERENCES items (conversation_id, id)
);
CREATE INDEX items_by_parent ON items (conversation_id, parent_id);
CREATE INDEX items_by_response ON items (response_id);

-- SQLSTATE AL001 is this server's own: a write that an append-only table refuses.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % is never changed', TG_TABLE_NAME USING ERRCODE = 'AL001';
END $$;

CREATE TRIGGER items_are_never_changed BEFORE UPDATE ON items
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Only what was forgotten (its key is gone) may be swept up.
CREATE FUNCTION refuse_readable_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM row_keys WHERE row_id = OLD.id) THEN
        RAISE EXCEPTION 'append-only: an item is deleted only after its key' USING ERRCODE = 'AL001';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER items_are_forgotten_first BEFORE DELETE ON items
    FOR EACH ROW EXECUTE FUNCTION refuse_readable_delete();

CREATE TABLE branches (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    name            TEXT NOT NULL,
    head_item_id    TEXT,
    created_at_ms   BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL,
    UNIQUE (conversation_id, name),
    FOREIGN KEY (conversation_id, head_item_id) REFERENCES items (conversation_id, id)
);

-- What the host answered during a tool call; sealed with the item's key.
CREATE TABLE call_records (
    item_id TEXT PRIMARY KEY REFERENCES items (id),
    record  BYTEA NOT NULL
);

CREATE TABLE responses (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    -- The server that produces it.
    writer_id       TEXT NOT NULL,
    -- NULL where nothing is kept but usage.
    conversation_id TEXT REFERENCES conversations (id),
    branch_id       TEXT REFERENCES branches (id),
    previous_id     TEXT,
    -- The last item of the branch when the response began.
    input_item_id   TEXT,
    head_item_id    TEXT,
    status          TEXT NOT NULL,
    model           TEXT NOT NULL,
    input_tokens    BIGINT,
    cached_tokens   BIGINT,
    output_tokens   BIGINT,
    -- Request and error, sealed; NULL where nothing is kept.
    detail          BYTEA,
    created_at_ms   BIGINT NOT NULL,
    finished_at_ms  BIGINT
);
CREATE INDEX responses_by_conversation ON responses (conversation_id, created_at_ms);
CREATE INDEX responses_unfinished ON responses (writer_id) WHERE finished_at_ms IS NULL;

-- What there is so far of an item that is being produced; sealed with the response's key.
CREATE TABLE drafts (
    item_id       TEXT PRIMARY KEY,
    response_id   TEXT NOT NULL REFERENCES responses (id),
    payload       BYTEA NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX drafts_by_response ON drafts (response_id);

CREATE TABLE idempotency_keys (
    user_id       TEXT NOT NULL REFERENCES users (id),
    key           TEXT NOT NULL,
    response_id   TEXT NOT NULL REFERENCES responses (id),
    request_hash  BYTEA NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_response ON idempotency_keys (response_id);

CREATE TABLE bindings (
    id              TEXT PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    plugin          TEXT NOT NULL,
    digest          TEXT NOT NULL,
    -- `everyone`, `group` with its name, or `user` with its id.
    subject_kind    TEXT NOT NULL,
    subject         TEXT NOT NULL,
    policy          TEXT NOT NULL,
    author_id       TEXT NOT NULL REFERENCES users (id),
    reason          TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    revoked_at_ms   BIGINT,
    revoked_by_id   TEXT REFERENCES users (id)
);
CREATE INDEX bindings_in_force ON bindings (organisation_id, plugin) WHERE revoked_at_ms IS NULL;

-- One hash chain per writer.
CREATE TABLE audit (
    writer_id       TEXT NOT NULL,
    seq             BIGINT NOT NULL,
    at_ms           BIGINT NOT NULL,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    action          TEXT NOT NULL,
    subject         TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    conversation_id TEXT,
    item_id         TEXT,
    -- Sealed; the hash covers the sealed bytes, so erasing a user leaves the chain whole.
    detail          BYTEA NOT NULL,
    prev_hash       BYTEA NOT NULL,
    hash            BYTEA NOT NULL,
    PRIMARY KEY (writer_id, seq)
);
CREATE INDEX audit_by_time ON audit (organisation_id, at_ms);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
