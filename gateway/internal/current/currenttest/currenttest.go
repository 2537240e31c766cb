// Package currenttest gives tests a configuration in force with all that lasts
// beside it: real replicas, gates, guards and shadows, and nothing left behind.
package currenttest

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/gateway/internal/who"
	"banyan.dev/platform/identity"
)

// OverrideKey is the key of testers' tokens here.
var OverrideKey = []byte("a key for tests, long enough")

// IdentityKey signs who asks here.
const IdentityKey = "a key for tests of who is asking: long enough"

// Rig is a configuration in force.
type Rig struct {
	*current.Current
	Lasting  current.Lasting
	Registry *prometheus.Registry
	Logger   *slog.Logger
}

// New returns a rig with nothing in force yet. Its Close is up to the test, once all
// that uses it has ended.
func New(t testing.TB) *Rig {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	registry := prometheus.NewRegistry()
	keys, err := identity.NewKeys(IdentityKey)
	require.NoError(t, err)
	lasting := current.Lasting{
		Who:    who.New(keys, registry),
		Owners: upstream.NewRegistry(net.DefaultResolver, logger), Metrics: metrics.New(registry), Holds: hold.New(registry),
		Guards: resilience.NewGuards(), Limits: resilience.NewLimiters(), Shadows: shadow.New(), Override: OverrideKey,
	}
	return &Rig{Current: current.New(lasting, logger), Lasting: lasting, Registry: registry, Logger: logger}
}

// Close ends everything.
func (r *Rig) Close(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r.Lasting.Holds.Close()
	require.NoError(t, r.Lasting.Shadows.Close(ctx))
	r.Current.Close()
	r.Lasting.Owners.Close()
}
