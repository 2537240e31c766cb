-- +goose Up
CREATE TABLE moderation_rules (
    id         uuid PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('word', 'links')),
    pattern    text        NOT NULL,
    max        integer     NOT NULL CHECK (max BETWEEN 0 AND 100),
    verdict    text        NOT NULL CHECK (verdict IN ('pending', 'rejected')),
    created_at timestamptz NOT NULL
);
CREATE INDEX moderation_rules_created_at ON moderation_rules (created_at, id);
COMMENT ON TABLE moderation_rules IS 'moderation: what may not stand under a post';

CREATE TABLE moderation_keys (
    key        text PRIMARY KEY CHECK (octet_length(key) <= 128),
    hash       bytea       NOT NULL,
    rule_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE moderation_keys IS 'moderation: idempotency keys of rules';

CREATE TABLE moderation_queue (
    comment_id uuid PRIMARY KEY REFERENCES comments (id),
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX moderation_queue_created_at ON moderation_queue (created_at, comment_id);
COMMENT ON TABLE moderation_queue IS 'moderation: the comments that wait for a person, and why';

-- +goose Down
DROP TABLE moderation_queue, moderation_keys, moderation_rules;
