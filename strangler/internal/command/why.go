package command

import (
	"context"
	"time"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/view"
)

// why is what a run's processes say around the time in which something did not hold.
type why struct {
	// Behind are the relays and consumer groups that were behind, in words.
	Behind    []string              `json:"behind,omitempty"`
	Meanwhile *deployment.Meanwhile `json:"meanwhile,omitempty"`
	Logs      string                `json:"logs,omitempty"` // where to read on
}

// complaintsShown are one line each.
const complaintsShown = 30

// explain asks a run why; behind is who was behind when it was seen, nil to ask now.
func explain(ctx context.Context, run *deployment.Run, since time.Time, behind []string) why {
	if behind == nil {
		behind = run.Behind(ctx)
	}
	m := run.Complaints(ctx, since, time.Time{}, complaintsShown)
	return why{Behind: behind, Meanwhile: &m, Logs: run.Logs()}
}

// sayWhy tells it beside a walk's error, unless somebody ended the walk.
func (t *tool) sayWhy(ctx context.Context, run *deployment.Run, since time.Time) {
	if ctx.Err() == nil {
		t.say(explain(ctx, run, since, nil).text(width(t.err)))
	}
}

func (w why) text(width int) string {
	return view.Behind(w.Behind, width) + view.Meanwhile(*w.Meanwhile, width) + "  their logs: " + w.Logs
}
