package acceptance

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/same"
)

func TestTheJourneysHoldOnTheMonolithAlone(t *testing.T) {
	t.Parallel()
	mustHold(t, visit(t, startMonolith(t)))
}

func TestTheJourneysHoldThroughTheGateway(t *testing.T) {
	t.Parallel()
	mustHold(t, visit(t, startGateway(t, "01-gateway", startMonolith(t))))
}

func TestTheJourneysHoldWithSessionsInMemoryAndAffinity(t *testing.T) {
	t.Parallel()
	blogs := startReplicas(t, 3, "session: {store: memory}")
	mustHold(t, visit(t, startGateway(t, "02-sticky-sessions", blogs...)))
}

func TestTheJourneysHoldWithSessionsInRedisAndNoAffinity(t *testing.T) {
	t.Parallel()
	settings := fmt.Sprintf("redis: {url: %q}\nuser_cache: redis\nsession: {store: redis}", embeddedtest.Redis(t))
	through := startGateway(t, "03-redis-sessions", startReplicas(t, 3, settings)...)
	mustHold(t, visit(t, through))
}

func TestTheJourneysHoldWhileSessionsAreInMemoryAndInRedis(t *testing.T) {
	t.Parallel()
	settings := fmt.Sprintf("redis: {url: %q}\nsession: {store: dual}", embeddedtest.Redis(t))
	through := startGateway(t, "02-sticky-sessions", startReplicas(t, 3, settings)...)
	mustHold(t, visit(t, through))
}

// TestTheSuiteNoticesSessionsWithoutAffinity is the red demo of step 02 as a mutant:
// replicas with sessions in memory, asked in turn.
func TestTheSuiteNoticesSessionsWithoutAffinity(t *testing.T) {
	t.Parallel()
	blogs := startReplicas(t, 3, "session: {store: memory}")
	failed := journeys.Failed(visit(t, startGateway(t, "01-gateway", blogs...), "people sign out and in again, with the right password only"))
	require.Len(t, failed, 1)
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
	results := compare(t, blog, startGateway(t, "01-gateway", blog))
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
