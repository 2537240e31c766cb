-- The tables of comments in a database of their own. The monolith's are made by its
-- own migrations, and are the same but for what they were before.
-- +goose Up
CREATE TABLE comments (
    id         uuid PRIMARY KEY,
    post_id    uuid        NOT NULL,
    author_id  uuid        NOT NULL,
    body       text        NOT NULL CHECK (char_length(body) BETWEEN 1 AND 4000),
    html       text        NOT NULL,
    status     text        NOT NULL CHECK (status IN ('pending', 'approved', 'rejected')),
    version    integer     NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX comments_of_post ON comments (post_id, created_at, id);
CREATE INDEX comments_seen_of_post ON comments (post_id, created_at, id) WHERE status = 'approved';
CREATE INDEX comments_of_author ON comments (author_id);
COMMENT ON TABLE comments IS 'comments: what readers say under a post';

CREATE TABLE comment_keys (
    author_id  uuid        NOT NULL,
    key        text        NOT NULL CHECK (octet_length(key) <= 128),
    hash       bytea       NOT NULL,
    comment_id uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (author_id, key)
);
CREATE INDEX comment_keys_comment_id ON comment_keys (comment_id);
COMMENT ON TABLE comment_keys IS 'comments: idempotency keys of writes, many for each comment';

CREATE TABLE comment_tombstones (
    id         uuid PRIMARY KEY,
    post_id    uuid        NOT NULL,
    author_id  uuid        NOT NULL,
    version    integer     NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comment_tombstones_post_id ON comment_tombstones (post_id);
COMMENT ON TABLE comment_tombstones IS 'comments: what was deleted; a delete is a version too';

CREATE TABLE comment_closed_posts (
    post_id   uuid PRIMARY KEY,
    key       text        NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE comment_closed_posts IS 'comments: the posts under which none can be written any more';

-- +goose Down
DROP TABLE comment_closed_posts, comment_tombstones, comment_keys, comments;
