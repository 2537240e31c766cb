package lab

import "context"

// flipBack moves the route to the new side and, since something is wrong there, back.
// The old side feeds the new one well, as in step 05; nothing feeds the old one.
func flipBack() way {
	return way{
		name: "flip-back", title: "route flipped back without a reverse feed", red: true, oldFeeds: true, writesAtNew: true,
		why: "What was acknowledged at the new side meanwhile is not at the old one: stranded. Edits there begin from an older " +
			"version, so one version has two texts; and a key that only the new side knows is a new write at the old one.",
		meanwhile: func(ctx context.Context, t *trial) error {
			if err := t.sleep(ctx, 3); err != nil {
				return err
			}
			t.front.flip(newSide)
			if err := t.sleep(ctx, 3); err != nil {
				return err
			}
			t.front.flip(oldSide)
			return nil
		},
		shows: func(c Counts) int { return c.Unheard },
	}
}
