-- +goose Up
-- At the owner: how far a run has come.
CREATE TABLE backfill_runs (
    resource     text        NOT NULL,
    -- A UUIDv7: the greatest of a resource is its newest run.
    run          uuid        NOT NULL,
    state        text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'done', 'replaced')),
    rate         integer     NOT NULL DEFAULT 0 CHECK (rate >= 0),
    place        text        NOT NULL DEFAULT '',
    sent         json        NOT NULL DEFAULT '[]',
    row_count    bigint      NOT NULL DEFAULT 0,
    page_count   bigint      NOT NULL DEFAULT 0,
    worked       double precision NOT NULL DEFAULT 0,
    error        text        NOT NULL DEFAULT '',
    worker       text        NOT NULL DEFAULT '',
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    PRIMARY KEY (resource, run)
) WITH (fillfactor = 50);
COMMENT ON TABLE backfill_runs IS 'backfill: runs of this side, and how far they have come';

-- At the follower: the chunks that were applied.
CREATE TABLE backfill_chunks (
    resource   text    NOT NULL,
    run        uuid    NOT NULL,
    partition  integer NOT NULL,
    number     integer NOT NULL CHECK (number >= 1),
    partitions integer NOT NULL CHECK (partition >= 0 AND partition < partitions),
    last       boolean NOT NULL,
    PRIMARY KEY (resource, run, partition, number)
);
COMMENT ON TABLE backfill_chunks IS 'backfill: chunks that were applied here';

-- +goose Down
DROP TABLE backfill_chunks, backfill_runs;
