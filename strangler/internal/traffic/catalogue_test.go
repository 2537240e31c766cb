package traffic

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsersWriteUnderTheirOwnPostsAndOldOnesOnly(t *testing.T) {
	c := newCatalogue()
	rnd := rand.New(rand.NewPCG(1, 2))
	c.find(known{id: "somebody's new one", published: c.began.Add(time.Second)})
	_, ok := c.pickForComment(rnd)
	require.False(t, ok)

	c.wrote("ours")
	c.find(known{id: "ours", published: c.began.Add(time.Second)}, known{id: "old", published: c.began.Add(-time.Hour)})
	seen := map[string]bool{}
	for range 200 {
		if k, ok := c.pickForComment(rnd); ok {
			seen[k.id] = true
		}
	}
	require.Equal(t, map[string]bool{"ours": true, "old": true}, seen)
}
