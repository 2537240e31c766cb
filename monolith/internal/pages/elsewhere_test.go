package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPagesAreShownWithoutCommentsThatCanNotBeHad(t *testing.T) {
	w := settle(t)
	address := "/posts/" + w.post.ID + "/" + w.post.Slug
	rita, mo, ann, visitor := signIn(t, w.Blog, "rita@blog.test"), signIn(t, w.Blog, "mo@blog.test"), signIn(t, w.Blog, "ann@blog.test"), visit(t, w.Blog)
	require.NotContains(t, visitor.opens(address).text(), "can't be shown")
	w.Silence(true, false)
	for _, who := range []*person{visitor, rita, mo} {
		shown := who.opens(address)
		require.Contains(t, shown.text(), "The comments can't be shown at this moment")
		require.NotContains(t, shown.text(), "Nobody has said anything yet", "which is not so")
		mustBeSound(t, shown)
	}
	queue := mo.opens("/moderation")
	require.Contains(t, queue.text(), "What waits can't be shown at this moment")
	require.NotContains(t, queue.text(), "Nothing waits")
	mustBeSound(t, queue)
	require.Contains(t, ann.opens("/notifications").form(openOf(ann.opens("/notifications"))).submit().follow().text(), "can't be shown at this moment")
	require.Equal(t, http.StatusServiceUnavailable, visitor.get("/comments/"+w.said.ID).status)
	require.Equal(t, http.StatusForbidden, rita.get("/moderation").status, "who may not look is told so")

	w.Silence(false, false)
	require.Contains(t, visitor.opens(address).text(), "Well said.")
	require.Contains(t, mo.opens("/moderation").text(), `Held for the word "spam"`)
}

// openOf is where the first notification's form goes.
func openOf(p *page) string {
	for _, f := range p.elements("form") {
		if strings.HasSuffix(attr(f, "action"), "/open") {
			return attr(f, "action")
		}
	}
	return ""
}

func TestACommentWhoseAnswerIsLostIsSentAgainAsTheSame(t *testing.T) {
	for name, afterDoing := range map[string]bool{"done": true, "not done": false} {
		t.Run(name, func(t *testing.T) {
			w := settle(t)
			address, say := "/posts/"+w.post.ID+"/"+w.post.Slug, "/posts/"+w.post.ID+"/comments"
			rita := signIn(t, w.Blog, "rita@blog.test")
			box := rita.opens(address).form(say).fill("body", "I agree <entirely>.")
			w.Silence(true, afterDoing)
			lost := box.submit()
			require.Equal(t, http.StatusServiceUnavailable, lost.status)
			require.NotEmpty(t, lost.header.Get("Retry-After"))
			require.Contains(t, lost.text(), "could not be saved at this moment")
			mustBeSound(t, lost)
			again := lost.form(say)
			require.Equal(t, "I agree <entirely>.", again.values.Get("body"))
			require.Equal(t, box.values.Get("idempotency_key"), again.values.Get("idempotency_key"))

			w.Silence(false, false)
			require.Equal(t, 1, strings.Count(again.submit().follow().text(), "I agree <entirely>."))
			require.NotEqual(t, box.values.Get("idempotency_key"), rita.opens(address).form(say).values.Get("idempotency_key"))
		})
	}
}
