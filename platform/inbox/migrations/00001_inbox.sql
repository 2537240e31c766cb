-- +goose Up
-- What was handled, or passed over with a dead letter. Event ids are UUIDv7, so new
-- rows go to the end of the key.
CREATE TABLE inbox_events (
    consumer text        NOT NULL CHECK (consumer <> ''),
    event_id uuid        NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
-- For the trimming alone. Rows come in the order of their time: a few pages say where.
CREATE INDEX inbox_events_at ON inbox_events USING brin (at) WITH (pages_per_range = 32);
COMMENT ON TABLE inbox_events IS 'inbox: the events that a consumer is done with';

-- Its row is locked by whoever handles the partition: one at a time, whatever the
-- consumer group believes.
CREATE TABLE inbox_positions (
    consumer    text        NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    next_offset bigint      NOT NULL,
    waiting     integer     NOT NULL DEFAULT 0,
    event_at    timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE inbox_positions IS 'inbox: how far a consumer has come in each partition';

-- For handlers of changes only. The key begins with what is asked for by the hundred:
-- a planner without figures reads all rows of a consumer otherwise.
CREATE TABLE inbox_versions (
    consumer     text   NOT NULL,
    topic        text   NOT NULL,
    aggregate_id text   NOT NULL,
    version      bigint NOT NULL,
    PRIMARY KEY (aggregate_id, consumer, topic)
) WITH (fillfactor = 80);
COMMENT ON TABLE inbox_versions IS 'inbox: the last version of an aggregate that a consumer has handled';

CREATE TABLE inbox_gaps (
    consumer      text        NOT NULL,
    topic         text        NOT NULL,
    aggregate_id  text        NOT NULL,
    first_version bigint      NOT NULL,
    last_version  bigint      NOT NULL CHECK (last_version >= first_version),
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, aggregate_id, first_version)
);
COMMENT ON TABLE inbox_gaps IS 'inbox: versions that were waited for in vain';

CREATE TABLE inbox_waiting (
    consumer      text        NOT NULL,
    topic         text        NOT NULL,
    aggregate_id  text        NOT NULL,
    version       bigint      NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    event_id      uuid        NOT NULL,
    key           bytea,
    headers       jsonb       NOT NULL,
    payload       bytea,
    until         timestamptz NOT NULL,
    PRIMARY KEY (consumer, topic, aggregate_id, version)
);
CREATE INDEX inbox_waiting_until ON inbox_waiting (consumer, topic, partition, until);
COMMENT ON TABLE inbox_waiting IS 'inbox: events that came before their turn';

CREATE TABLE inbox_dead_letters (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer      text        NOT NULL,
    resource      text        NOT NULL,
    state         text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redrive', 'redriven', 'discarded')),
    kind          text        NOT NULL CHECK (kind IN ('malformed', 'permanent', 'exhausted', 'late')),
    reason        text        NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    event_id      uuid        NOT NULL,
    key           bytea,
    headers       jsonb       NOT NULL,
    payload       bytea,
    attempts      integer     NOT NULL,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    closed_at     timestamptz,
    note          text        NOT NULL DEFAULT '',
    published_at  timestamptz,
    publish_after timestamptz NOT NULL DEFAULT now(),
    UNIQUE (consumer, event_id)
);
CREATE INDEX inbox_dead_letters_open ON inbox_dead_letters (resource) WHERE state IN ('open', 'redrive');
CREATE INDEX inbox_dead_letters_redrive ON inbox_dead_letters (consumer, id) WHERE state = 'redrive';
CREATE INDEX inbox_dead_letters_unpublished ON inbox_dead_letters (consumer, id) WHERE published_at IS NULL;
COMMENT ON TABLE inbox_dead_letters IS 'inbox: events that could not be handled, and why';

-- +goose Down
DROP TABLE inbox_dead_letters, inbox_waiting, inbox_gaps, inbox_versions, inbox_positions, inbox_events;
