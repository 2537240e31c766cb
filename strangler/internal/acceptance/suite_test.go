package acceptance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/same"
)

func TestTheJourneysHoldOnTheMonolithAlone(t *testing.T) {
	t.Parallel()
	mustHold(t, visit(t, startMonolith(t)))
}

func TestTheJourneysHoldThroughTheGateway(t *testing.T) {
	t.Parallel()
	mustHold(t, visit(t, startGateway(t, startMonolith(t))))
}

func TestTheJourneysHoldWhenPlayedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	blog := startMonolith(t)
	other := make(chan []journeys.Result, 1)
	go func() { other <- visit(t, blog) }()
	mustHold(t, visit(t, blog))
	mustHold(t, <-other)
}

func TestThroughTheGatewayAllIsTheSame(t *testing.T) {
	t.Parallel()
	blog := startMonolith(t)
	results := compare(t, blog, startGateway(t, blog))
	require.Greater(t, len(results), 40)
	for _, r := range same.Failed(results) {
		t.Errorf("%s: %s", r.Name, r.Detail)
	}
}

// TestTheBlogIsTheSameAsItself shows that the comparison finds nothing where there
// is nothing: what differs from one answer to the next is no difference.
func TestTheBlogIsTheSameAsItself(t *testing.T) {
	t.Parallel()
	blog := startMonolith(t)
	for _, r := range same.Failed(compare(t, blog, blog)) {
		t.Errorf("%s: %s", r.Name, r.Detail)
	}
}

func mustHold(t *testing.T, results []journeys.Result) {
	t.Helper()
	require.Greater(t, len(results), 40)
	for _, r := range journeys.Failed(results) {
		t.Errorf("%s: %s", r.Name, r.Detail)
	}
}
