-- Chunks of a backfill are large rows, and PostgreSQL's own compression was a third of
-- what they cost the database. lz4 is there from PostgreSQL 14 on, where it was built in;
-- elsewhere it stays as it is.
-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE 'ALTER TABLE outbox ALTER COLUMN payload SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
