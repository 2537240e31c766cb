-- +goose Up
-- Written when a post is deleted, whatever the seams: who owns comments later refuses
-- a comment under it as well as who owned them then.
CREATE TABLE comment_closed_posts (
    post_id   uuid PRIMARY KEY,
    key       text        NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE comment_closed_posts IS 'comments: the posts under which none can be written any more';

-- +goose Down
DROP TABLE comment_closed_posts;
