-- What was used on a day (UTC), and what is held for work under way. An owner is an organisation,
-- a user, or a plugin of a user.
CREATE TABLE ledger_accounts (
    owner    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    -- Days since the Unix epoch.
    day      BIGINT NOT NULL,
    spent    BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    PRIMARY KEY (owner, kind, day)
);

-- What each reservation holds of each account. A server that starts gives back what it held when
-- it was killed.
CREATE TABLE ledger_reservations (
    id        TEXT NOT NULL,
    writer_id TEXT NOT NULL,
    owner     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    day       BIGINT NOT NULL,
    amount    BIGINT NOT NULL,
    PRIMARY KEY (id, owner)
);
CREATE INDEX ledger_reservations_by_writer ON ledger_reservations (writer_id);
