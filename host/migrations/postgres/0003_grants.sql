-- Grants have versions and may expire; an organisation has a ceiling; people ask for plugins.
ALTER TABLE bindings ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE bindings ADD COLUMN expires_at_ms BIGINT;

-- Append-only: the last version holds. An empty policy says that there is none.
CREATE TABLE ceilings (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    version         BIGINT NOT NULL,
    policy          TEXT NOT NULL,
    author_id       TEXT NOT NULL REFERENCES users (id),
    reason          TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, version)
);

-- One open request for each person and plugin.
CREATE TABLE grant_requests (
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    plugin          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    PRIMARY KEY (organisation_id, user_id, plugin)
);
