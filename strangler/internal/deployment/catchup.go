package deployment

import (
	"context"
	"time"

	"banyan.dev/platform/lag"
)

// caughtUpWithin is how long hosts may take to apply what was told. Kafka keeps a killed
// consumer's partitions for 10 s; the rest is for a backfill that was just sent.
const caughtUpWithin = 2 * time.Minute

// catchUp waits until the hosts have sent and applied what was told until now.
func (r *Run) catchUp(ctx context.Context, hosts []string) error {
	ctx, cancel := context.WithTimeout(ctx, caughtUpWithin)
	defer cancel()
	clients := make([]*lag.Client, len(hosts))
	for i, process := range hosts {
		clients[i] = lag.NewClient(lag.ClientConfig{Name: process, URLs: r.adminURLs(process), Token: r.state.Token})
		defer clients[i].Close()
	}
	return lag.CaughtUp(ctx, clients...)
}
