-- No foreign key goes from one feature's tables to another's any more: a feature that
-- leaves takes its tables along, and no key can follow. Code sees to what they saw to
-- (docs/adr/0006). What is within one feature stays: post_tags and post_covers.
--
-- It only takes away what refuses, so a release that still has the keys' order in
-- mind goes on as before. None of them had an index of its own on the side that
-- refers, so none has to be made up for.
--
-- Dropping a key locks both tables for a moment, against everybody. So that this goes
-- under traffic all locks are taken first, in the order in which writers take theirs:
-- who has begun ends, who comes waits at the first. Who takes them in another order
-- (some lists) may hold one that we want and want one that we hold: each is waited for
-- less long than PostgreSQL's deadlock_timeout (1 s), then all are let go, and tried
-- again.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    FOR try IN 1..200 LOOP
        BEGIN
            SET LOCAL lock_timeout = '150ms';
            LOCK TABLE post_keys, comment_keys, posts, post_tombstones, comments, comment_tombstones, moderation_queue, notifications, accounts
                IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF try = 200 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.05 + 0.1 * random()); -- with none of the locks
        END;
    END LOOP;
    ALTER TABLE posts DROP CONSTRAINT posts_author_id_fkey;
    ALTER TABLE post_keys DROP CONSTRAINT post_keys_author_id_fkey;
    ALTER TABLE post_tombstones DROP CONSTRAINT post_tombstones_author_id_fkey;
    ALTER TABLE comments DROP CONSTRAINT comments_post_id_fkey, DROP CONSTRAINT comments_author_id_fkey;
    ALTER TABLE comment_keys DROP CONSTRAINT comment_keys_author_id_fkey;
    ALTER TABLE comment_tombstones DROP CONSTRAINT comment_tombstones_author_id_fkey;
    ALTER TABLE moderation_queue DROP CONSTRAINT moderation_queue_comment_id_fkey;
    ALTER TABLE notifications DROP CONSTRAINT notifications_user_id_fkey, DROP CONSTRAINT notifications_post_id_fkey,
        DROP CONSTRAINT notifications_comment_id_fkey, DROP CONSTRAINT notifications_actor_id_fkey;
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE posts ADD CONSTRAINT posts_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE post_keys ADD CONSTRAINT post_keys_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE post_tombstones ADD CONSTRAINT post_tombstones_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE comments ADD CONSTRAINT comments_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts (id),
    ADD CONSTRAINT comments_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE comment_keys ADD CONSTRAINT comment_keys_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE comment_tombstones ADD CONSTRAINT comment_tombstones_author_id_fkey FOREIGN KEY (author_id) REFERENCES accounts (id);
ALTER TABLE moderation_queue ADD CONSTRAINT moderation_queue_comment_id_fkey FOREIGN KEY (comment_id) REFERENCES comments (id);
ALTER TABLE notifications ADD CONSTRAINT notifications_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts (id),
    ADD CONSTRAINT notifications_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts (id),
    ADD CONSTRAINT notifications_comment_id_fkey FOREIGN KEY (comment_id) REFERENCES comments (id),
    ADD CONSTRAINT notifications_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES accounts (id);
