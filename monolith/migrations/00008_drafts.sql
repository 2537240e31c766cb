-- The drafts among the posts: few, and what the count of tags takes away from all.
-- Built beside those who read and write, so it waits for every transaction that is older,
-- however long that takes: nobody waits behind it. A build that was cut off leaves an index
-- that nobody can use, so the name is freed first.

-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS posts_drafts;
CREATE INDEX CONCURRENTLY posts_drafts ON posts (id) WHERE status = 'draft';
RESET lock_timeout;

-- +goose Down
SET lock_timeout = 0;
DROP INDEX CONCURRENTLY IF EXISTS posts_drafts;
RESET lock_timeout;
