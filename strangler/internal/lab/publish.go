package lab

import (
	"context"
	"time"
)

// publishAfter has a feed without an outbox: commit, then tell Kafka, then answer.
func publishAfter() way {
	return way{
		name: "publish-after", title: "published after the commit", red: true, after: publishDirectly, oldFeeds: true,
		why: "The commit is done and the message is not sent: the writer died between, or the broker was away for a moment. " +
			"A committed write can't be taken back, so it is acknowledged, and the follower never hears of it.",
		meanwhile: func(ctx context.Context, t *trial) error {
			if err := t.sleep(ctx, 3); err != nil {
				return err
			}
			return t.world.away(ctx, t.part(6))
		},
		shows: func(c Counts) int { return c.Unheard },
	}
}

// part is the round's length divided by n.
func (t *trial) part(n int) time.Duration { return t.world.cfg.Length / time.Duration(n) }

// sleep lets clients write for the round's length divided by n.
func (t *trial) sleep(ctx context.Context, n int) error { return pause(ctx, t.part(n)) }

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
