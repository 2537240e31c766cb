package deployment

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/lag"
	"banyan.dev/platform/outbox"
)

func TestWhoIsBehindIsALineEach(t *testing.T) {
	report := lag.Report{Outbox: outbox.Backlog{Waiting: 2, First: 7, Last: 9}}
	for partition := range 8 {
		report.Groups = append(report.Groups, lag.Place{Group: "query", Topic: "posts", Partition: partition, Next: 1, End: 3})
	}
	report.Groups = append(report.Groups, lag.Place{Group: "mail", Topic: "posts", Next: 5, End: 5}, lag.Place{Group: "late", Topic: "posts", Next: 4, End: 5})
	require.Equal(t, []string{
		"comments: its relay has 2 events to send, from id 7 to 9",
		"comments: group query has 16 messages to apply: 2 in partition 0 of posts, 2 in partition 1 of posts, 2 in partition 2 of posts, " +
			"2 in partition 3 of posts, 2 in partition 4 of posts, 2 in partition 5 of posts, the rest in 2 more",
		"comments: group late has 1 messages to apply: 1 in partition 0 of posts",
	}, lagging("comments", report, nil))

	require.Empty(t, lagging("comments", lag.Report{}, nil), "it is not behind")
	require.Empty(t, lagging("gateway", lag.Report{}, fmt.Errorf("ask gateway: %w", lag.ErrSilent)), "it has no events")
	require.Equal(t, []string{"comments does not say how far its events are: 503: no broker; 503: no broker"},
		lagging("comments", lag.Report{}, errors.New("503: no broker\n503: no broker")))
	require.Equal(t, []string{"comments does not say within 2s how far its events are: its database or the broker keeps it waiting"},
		lagging("comments", lag.Report{}, fmt.Errorf("ask: %w", context.DeadlineExceeded)))
}
