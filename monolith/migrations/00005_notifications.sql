-- +goose Up
CREATE TABLE notifications (
    id         uuid PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES accounts (id),
    kind       text        NOT NULL CHECK (kind IN ('comment')),
    post_id    uuid        NOT NULL REFERENCES posts (id),
    comment_id uuid        NOT NULL REFERENCES comments (id),
    actor_id   uuid        NOT NULL REFERENCES accounts (id),
    created_at timestamptz NOT NULL,
    read_at    timestamptz,
    -- A comment that is approved twice is told once.
    CONSTRAINT notifications_once UNIQUE (comment_id, user_id, kind)
);
CREATE INDEX notifications_of_user ON notifications (user_id, created_at, id);
CREATE INDEX notifications_of_user_by_id ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL;
CREATE INDEX notifications_of_post ON notifications (post_id);
COMMENT ON TABLE notifications IS 'notifications: what a person is told';

-- +goose Down
DROP TABLE notifications;
