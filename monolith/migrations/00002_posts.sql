-- +goose Up
CREATE TABLE posts (
    id            uuid PRIMARY KEY,
    author_id     uuid        NOT NULL REFERENCES accounts (id),
    slug          text        NOT NULL,
    title         text        NOT NULL CHECK (char_length(title) BETWEEN 1 AND 200),
    body          text        NOT NULL CHECK (octet_length(body) <= 262144),
    html          text        NOT NULL,
    excerpt       text        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('draft', 'published')),
    comment_count integer     NOT NULL DEFAULT 0 CHECK (comment_count >= 0),
    version       integer     NOT NULL CHECK (version > 0),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    published_at  timestamptz CHECK (status = 'draft' OR published_at IS NOT NULL),
    -- What lists are sorted by: a post by its publication, a draft by its creation.
    listed_at     timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(published_at, created_at)) STORED,
    -- The body's beginning only: a tsvector holds at most 1 MB, and a body full of
    -- different long words would not fit. Without brackets, because what stands in
    -- them would be taken for a tag and left out: half of what is written in code.
    search        tsvector    NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', translate(left(body, 100000), '<>', '  ')), 'B')
    ) STORED
);
CREATE INDEX posts_listed ON posts (listed_at, id) WHERE status = 'published';
CREATE INDEX posts_of_author ON posts (author_id, listed_at, id);
CREATE INDEX posts_search ON posts USING gin (search);
COMMENT ON TABLE posts IS 'posts: what authors write; comment_count is kept by whoever changes a comment';

CREATE TABLE post_tags (
    post_id uuid NOT NULL REFERENCES posts (id),
    tag     text NOT NULL CHECK (octet_length(tag) BETWEEN 1 AND 40),
    PRIMARY KEY (post_id, tag)
);
CREATE INDEX post_tags_tag ON post_tags (tag, post_id);
COMMENT ON TABLE post_tags IS 'posts: the tags of a post';

CREATE TABLE post_covers (
    post_id    uuid PRIMARY KEY REFERENCES posts (id),
    type       text        NOT NULL,
    etag       text        NOT NULL,
    bytes      bytea       NOT NULL CHECK (octet_length(bytes) <= 5242880),
    changed_at timestamptz NOT NULL
);
-- A picture is compressed already.
ALTER TABLE post_covers ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE post_covers IS 'posts: the picture of a post';

-- A key outlives what it made: a retry that comes after the deletion must not make
-- it again. So post_id is no foreign key.
CREATE TABLE post_keys (
    author_id  uuid        NOT NULL REFERENCES accounts (id),
    key        text        NOT NULL CHECK (octet_length(key) <= 128),
    hash       bytea       NOT NULL,
    post_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (author_id, key)
);
CREATE INDEX post_keys_post_id ON post_keys (post_id);
COMMENT ON TABLE post_keys IS 'posts: idempotency keys of writes, many for each post';

CREATE TABLE post_tombstones (
    id         uuid PRIMARY KEY,
    author_id  uuid        NOT NULL REFERENCES accounts (id),
    version    integer     NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE post_tombstones IS 'posts: what was deleted; a delete is a version too';

-- +goose Down
DROP TABLE post_tombstones, post_keys, post_covers, post_tags, posts;
