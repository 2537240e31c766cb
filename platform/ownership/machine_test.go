package ownership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
)

const (
	o = ownership.Owner
	f = ownership.Fenced
	w = ownership.Follower
)

// Every move from every state, at epochs around the hand-over's, with every other row
// there may be. What is not in the table of what is allowed is refused, and says why.
func TestTheMachineAllowsThisAndNothingElse(t *testing.T) {
	const e = 5
	type allowed struct {
		move       ownership.Move
		own, other ownership.Row
	}
	anyOther := []ownership.Row{}
	for epoch := int64(e - 3); epoch <= e+3; epoch++ {
		for _, s := range []ownership.State{o, f, w} {
			anyOther = append(anyOther, row(s, epoch))
		}
	}
	may := map[allowed]ownership.Row{
		{ownership.Fence, row(o, e), row(w, e)}:     row(f, e),
		{ownership.Fence, row(o, e), row(w, e-1)}:   row(f, e),
		{ownership.Demote, row(f, e), row(o, e+1)}:  row(w, e+1),
		{ownership.Unfence, row(f, e), row(w, e+1)}: row(o, e+2),
	}
	for _, other := range anyOther {
		for epoch := int64(e - 3); epoch <= e; epoch++ {
			may[allowed{ownership.Take, row(w, epoch), other}] = row(o, e+1)
		}
		for epoch := int64(e - 3); epoch <= e+1; epoch++ {
			may[allowed{ownership.Bar, row(w, epoch), other}] = row(w, e+1)
		}
	}
	seen := 0
	for _, move := range []ownership.Move{ownership.Fence, ownership.Take, ownership.Demote, ownership.Bar, ownership.Unfence} {
		for _, own := range anyOther {
			for _, other := range anyOther {
				got, err := own.After(ownership.Order{Move: move, Epoch: e, Other: other})
				want, ok := may[allowed{move, own, other}]
				if ok {
					seen++
					require.NoError(t, err, "%s %s beside %s", move, own, other)
					require.Equal(t, want.String(), got.String())
					require.GreaterOrEqual(t, got.Epoch, own.Epoch, "epochs only grow")
					continue
				}
				require.Error(t, err, "%s %s beside %s", move, own, other)
				require.Equal(t, own, got, "a refused move changes nothing")
			}
		}
	}
	require.Equal(t, len(may), seen)
}

func TestRefusalsSayWhy(t *testing.T) {
	_, err := row(f, 5).After(ownership.Order{Move: ownership.Fence, Epoch: 5, Other: row(w, 5)})
	require.ErrorIs(t, err, ownership.ErrStale)
	require.EqualError(t, err, "fence comments in the hand-over of epoch 5: the row is fenced at 5")
	_, err = row(f, 5).After(ownership.Order{Move: ownership.Demote, Epoch: 5, Other: row(o, 4)})
	require.ErrorIs(t, err, ownership.ErrUnproven)
	require.EqualError(t, err, "demote in the hand-over of epoch e = 5: it needs that the other is owner at e+1; it was read as owner at 4")
	_, err = row(f, 5).After(ownership.Order{Move: "steal"})
	require.ErrorContains(t, err, `"steal" is unknown: use fence, take`)
}
