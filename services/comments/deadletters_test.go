package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/inbox"
)

// TestWhatTheDatabaseRefusesIsRedrivenOverTheAdminPort: until then the service can't
// take comments, and says what to do about it.
func TestWhatTheDatabaseRefusesIsRedrivenOverTheAdminPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	r := w.serves(t)
	w.isFilled(t, r)
	sql := func(statement string) {
		t.Helper()
		require.NoError(t, execute(t, w.database, func(ctx context.Context, q querier) error {
			_, err := q.Exec(ctx, statement)
			return err
		}))
	}
	sql("ALTER TABLE comments ADD CONSTRAINT polite CHECK (body <> 'Rude')")
	w.monolith.writes(t, post, ann, "Rude")
	w.monolith.writes(t, post, ann, "Fine")
	c := inbox.NewLettersClient(inbox.LettersClientConfig{Name: name, URLs: []string{"http://" + r.AdminPort.Address()}, Token: adminToken})
	t.Cleanup(c.Close)
	var aside inbox.LettersPage
	require.Eventually(t, func() (there bool) {
		var err error
		aside, err = c.List(t.Context(), inbox.Which{State: inbox.Unsettled}, 1<<20)
		return err == nil && len(aside.Letters) == 1 && len(r.as(t, ann).reads(post).bodies()) == 1
	}, soon, often)
	letter := aside.Letters[0]
	require.Equal(t, []string{group, "comments", inbox.KindExhausted, contracts.CommentsTopic, contracts.TypeCommentChanged},
		[]string{letter.Consumer, letter.Resource, letter.Kind, letter.Topic, letter.Type})
	require.Contains(t, letter.Reason, "polite")
	require.Contains(t, string(letter.Payload), "Rude")
	require.Equal(t, []string{"Fine"}, r.as(t, ann).reads(post).bodies(), "nobody waits for it")
	err := r.ask(t).Ready(t.Context(), 1)
	require.ErrorContains(t, err, "1 dead letters of comments are open: `strangler deadletters` shows what was put aside")
	r.asAdmin(t).send("GET", inbox.LettersPath, nil).is(401)

	sql("ALTER TABLE comments DROP CONSTRAINT polite")
	page, err := c.Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	_, err = c.Await(ctx, page.Letters, often, func(v inbox.LetterView) { require.Equal(t, inbox.Redriven, v.State, v.Reason) })
	require.NoError(t, err)
	require.Equal(t, []string{"Rude", "Fine"}, r.as(t, ann).reads(post).bodies())
	require.NoError(t, r.ask(t).Ready(t.Context(), 1))
}
