-- The drafts among the posts: few, and what the count of tags takes away from all.
-- Built beside those who write. A build that was cut off leaves an index nobody can use,
-- so the name is freed first.

-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX IF EXISTS posts_drafts;
CREATE INDEX CONCURRENTLY posts_drafts ON posts (id) WHERE status = 'draft';

-- +goose Down
DROP INDEX posts_drafts;
