-- +goose Up
CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    name          text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 60),
    email         text        NOT NULL CHECK (octet_length(email) <= 320),
    password_hash text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('reader', 'author', 'moderator')),
    version       integer     NOT NULL CHECK (version > 0),
    created_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));
COMMENT ON TABLE accounts IS 'accounts: who people are';

-- Who signs up is nobody yet, so the key alone is unique.
CREATE TABLE account_keys (
    key        text PRIMARY KEY CHECK (octet_length(key) <= 128),
    hash       bytea       NOT NULL,
    account_id uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_keys_account_id ON account_keys (account_id);
COMMENT ON TABLE account_keys IS 'accounts: idempotency keys of sign-ups';

-- +goose Down
DROP TABLE account_keys, accounts;
