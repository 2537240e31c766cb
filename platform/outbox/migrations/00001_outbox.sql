-- Events that wait to be published, and for a while those that were.
-- +goose Up
CREATE TABLE outbox (
    -- In the order of commits for each aggregate, since the writer holds the
    -- aggregate's lock. The sequence must hand out ids one by one (CACHE 1, the
    -- default): a session that keeps some back would use older ones later.
    id           bigserial PRIMARY KEY,
    event_id     uuid        NOT NULL,
    topic        text        NOT NULL,
    partition    int         NOT NULL,
    aggregate_id text        NOT NULL,
    version      bigint      NOT NULL,
    type         text        NOT NULL,
    source       text        NOT NULL,
    -- json and not jsonb: the body goes out byte for byte as it was minted.
    payload      json        NOT NULL,
    headers      json        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz
) WITH (
    -- Each row is inserted, updated and deleted within minutes.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX outbox_waiting ON outbox (topic, partition, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- +goose Down
DROP TABLE outbox;
