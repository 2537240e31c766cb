-- The markers that end the other side's writing of an epoch, as they were applied here.
-- +goose Up
CREATE TABLE ownership_markers (
    resource   text        NOT NULL,
    epoch      bigint      NOT NULL,
    partition  integer     NOT NULL,
    partitions integer     NOT NULL CHECK (partition >= 0 AND partition < partitions),
    noted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (resource, epoch, partition)
);

-- +goose Down
DROP TABLE ownership_markers;
