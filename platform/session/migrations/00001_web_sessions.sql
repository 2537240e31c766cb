-- Sessions of the mode postgres. One authoritative table needs no tombstones: an
-- update never inserts, and a token is never used twice.
-- +goose Up
CREATE TABLE web_sessions (
    hash         text PRIMARY KEY,
    user_id      text        NOT NULL,
    data         bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    deadline     timestamptz NOT NULL,
    user_agent   text        NOT NULL,
    address      text        NOT NULL
);
CREATE INDEX web_sessions_user_id ON web_sessions (user_id);
CREATE INDEX web_sessions_last_seen_at ON web_sessions (last_seen_at);
CREATE INDEX web_sessions_deadline ON web_sessions (deadline);

-- +goose Down
DROP TABLE web_sessions;
