package transfer

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// TestAnEpochIsTheOnlyThingThatDecides: who was paused for an hour must not undo what
// others did, and two owners of one epoch can't be.
func TestAnEpochIsTheOnlyThingThatDecides(t *testing.T) {
	t.Parallel()
	is := ramp.Ownership{Owner: "comments", Epoch: 4}
	require.NoError(t, Newer("notes", is, "comments", 4), "what is in force already")
	require.NoError(t, Newer("notes", is, "monolith", 5))
	require.NoError(t, Newer("notes", is, "comments", 6), "given up, it owns again")
	require.ErrorIs(t, Newer("notes", is, "comments", 3), handover.ErrOutrun)
	require.ErrorIs(t, Newer("notes", is, "monolith", 3), handover.ErrOutrun)
	require.ErrorIs(t, Newer("notes", is, "monolith", 4), handover.ErrContradiction)
}

// owners are who owns at each gateway, as it has it in force.
func (r *rig) owners() (all []string) {
	r.t.Helper()
	for _, g := range r.gateways {
		has, err := r.fleet().Owned(r.t.Context(), g.admin, "notes")
		require.NoError(r.t, err)
		all = append(all, has.Owner)
	}
	return all
}

// TestEachGateIsOpenedWhenItsGatewayKnows: and what waited goes to the new owner.
func TestEachGateIsOpenedWhenItsGatewayKnows(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	gates := r.gates(r.fleet())
	_, err := gates.Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	answered := make(chan string, len(r.gateways))
	for _, g := range r.gateways {
		go func() {
			name, err := r.writes(t.Context(), g)
			if err != nil {
				name = err.Error()
			}
			answered <- name
		}()
	}
	require.Eventually(t, func() bool {
		waiting := 0
		for _, s := range r.fleet().Ask(t.Context(), readyWithin) {
			if route, err := s.Route("notes"); err == nil {
				waiting += int(route.Hold.HeldTotal)
			}
		}
		return waiting == len(r.gateways)
	}, soon, often)
	require.NoError(t, gates.Tell(t.Context(), r.fleet(), Word{Resource: "notes", Owner: "comments", Epoch: 2}, nil))
	for range r.gateways {
		require.Equal(t, "comments", <-answered)
	}
	require.Equal(t, []bool{false, false}, r.held(), "without a release")
	require.Equal(t, []string{"comments", "comments"}, r.owners())
}

// TestASilentGatewayKeepsNobodyFromKnowing: it is stopped, as by a debugger: it takes
// connections and answers nothing.
func TestASilentGatewayKeepsNobodyFromKnowing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	fleet := r.fleet()
	fleet.URLs = append(fleet.URLs, "http://"+silent.Addr().String())
	var mu sync.Mutex
	var opened []string
	word := Word{Resource: "notes", Owner: "comments", Epoch: 2}
	open := func(gateway string) { mu.Lock(); defer mu.Unlock(); opened = append(opened, gateway) }
	require.NoError(t, Tell(t.Context(), fleet, word, open, nil))
	require.Equal(t, []string{r.gateways[0].admin}, opened)
	require.Equal(t, []string{"comments"}, r.owners())

	fleet.URLs = fleet.URLs[1:]
	require.ErrorContains(t, Tell(t.Context(), fleet, word, nil, nil), "no gateway answers", "nobody could be told")
}

// TestAGatewayThatKnowsBetterIsNotTold: it has heard of a newer owner.
func TestAGatewayThatKnowsBetterIsNotTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	_, err := r.fleet().Give(t.Context(), r.gateways[1].admin, "notes", "comments", 6)
	require.NoError(t, err)
	told := r.gates(r.fleet())
	require.ErrorIs(t, told.Tell(t.Context(), r.fleet(), Word{Resource: "notes", Owner: "comments", Epoch: 2}, nil), handover.ErrOutrun)
	require.NoError(t, told.Tell(t.Context(), r.fleet(), Word{Resource: "notes", Owner: "comments", Epoch: 6}, nil), "what it has already")
	require.ErrorIs(t, told.Tell(t.Context(), r.fleet(), Word{Resource: "notes", Owner: "monolith", Epoch: 6}, nil), handover.ErrContradiction)
	require.Equal(t, []string{"comments", "comments"}, r.owners())
}

// TestAGatewayThatDiesWhileItHoldsIsLeftOut: its clients have lost their connections,
// and the others' go on.
func TestAGatewayThatDiesWhileItHoldsIsLeftOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	gates := r.gates(r.fleet())
	h, err := gates.Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	r.gateways[1].kill()
	require.NoError(t, gates.Tell(t.Context(), r.fleet(), Word{Resource: "notes", Owner: "comments", Epoch: 2}, nil))
	require.Error(t, h.Release(t.Context()), "nobody knows what the dead one's clients saw")
	r.gateways = slices.Delete(r.gateways, 1, 2)
	require.Equal(t, []bool{false}, r.held())
	require.Equal(t, []string{"comments"}, r.owners())
}

// TestNextIsAboveWhatAnyGatewayHas: a file with a revision that one has seen already
// would be refused there.
func TestNextIsAboveWhatAnyGatewayHas(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	gates := r.gates(r.fleet())
	require.EqualValues(t, 8, gates.Next(t.Context(), r.fleet(), 0))
	require.EqualValues(t, 31, gates.Next(t.Context(), r.fleet(), 30))
}
