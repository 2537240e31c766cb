package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/inbox"
)

// TestWhatIsDiscardedComesAnewByWhatItWas: a mail is in no table that is compared, and a
// backfill without one of its chunks stays incomplete.
func TestWhatIsDiscardedComesAnewByWhatItWas(t *testing.T) {
	d := letterDesk{resource: "comments"}
	for _, c := range []struct{ resource, kind, want string }{
		{"comments", "comment.changed", "reconcile --repair"},
		{"comments", "", "reconcile --repair"},
		{"comments", "comments.chunk", "backfill --anew"},
		{"comments", "drain.marker", "publishes its own markers"},
		{"mail", "comment.changed", "nothing sends it anew"},
		{"mail", "comments.chunk", "nothing sends it anew"},
		{"posts", "post.deleted", "nothing sends it anew"},
	} {
		require.Contains(t, d.anew(inbox.LetterView{Resource: c.resource, Type: c.kind}), c.want, "%v", c)
	}
}

// TestWhatAMessageSaysOfItselfStaysOnOneLine: it may have anything in its headers.
func TestWhatAMessageSaysOfItselfStaysOnOneLine(t *testing.T) {
	require.Equal(t, "no event", told(inbox.LetterView{}))
	require.Equal(t, "comment.changed of c1 v1", told(inbox.LetterView{Type: "comment.changed", Aggregate: "c1", Version: "1"}))
	require.Equal(t, "a b\uFFFD[2J …", told(inbox.LetterView{Type: "a\tb\x1b[2J\ncomments/9  open"}))
	require.Equal(t, "a of c …", told(inbox.LetterView{Type: "a", Aggregate: "c\nd", Version: "1"}))
}

// TestEachThatWasAskedForIsInOneList, also when its host was emptied meanwhile.
func TestEachThatWasAskedForIsInOneList(t *testing.T) {
	var r redriven
	for i, state := range []string{inbox.Redriven, inbox.Discarded, inbox.Gone, inbox.Open, inbox.Redrive} {
		r.sort(letterHost{name: "comments"}, inbox.LetterView{ID: int64(i + 1), State: state, Note: "not\nneeded"})
	}
	require.Equal(t, []int{2, 1, 1, 1}, []int{len(r.Settled), len(r.Gone), len(r.Failed), len(r.Waiting)})
	require.Equal(t, 5, r.all())
	var out strings.Builder
	r.write(&out)
	require.Contains(t, out.String(), "comments/2 was discarded meanwhile: not …\n")
	require.Contains(t, out.String(), "comments/3 is gone: comments has its row no more")
	r.Failed, r.Waiting = nil, nil
	require.NoError(t, r.verdict(true), "nothing waits for what is gone")
}
