-- Who may write a resource, as this side knows it.
-- +goose Up
CREATE TABLE ownership (
    resource text PRIMARY KEY,
    state    text        NOT NULL CHECK (state IN ('owner', 'fenced', 'follower')),
    -- It only grows. Fenced at e means: e+1 is offered to the other side.
    epoch    bigint      NOT NULL CHECK (epoch >= 0),
    since    timestamptz NOT NULL DEFAULT clock_timestamp(),
    by       text        NOT NULL
);

-- What became of it, move by move: for people, and to measure how long nobody wrote.
CREATE TABLE ownership_moves (
    id       bigserial PRIMARY KEY,
    resource text        NOT NULL,
    move     text        NOT NULL,
    state    text        NOT NULL,
    epoch    bigint      NOT NULL,
    at       timestamptz NOT NULL,
    by       text        NOT NULL
);

-- +goose Down
DROP TABLE ownership_moves;
DROP TABLE ownership;
