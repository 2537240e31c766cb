package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
)

func TestACommentIsWrittenOnceAndChanged(t *testing.T) {
	w := settle(t)
	rita := signIn(t, w.Blog, "rita@blog.test")
	address, say := "/posts/"+w.post.ID+"/"+w.post.Slug, "/posts/"+w.post.ID+"/comments"
	box := rita.opens(address).form(say).fill("body", "I agree.")
	shown := box.submit().follow()
	require.Contains(t, shown.text(), "Your comment is out.")
	require.Equal(t, 1, strings.Count(box.submit().follow().text(), "I agree."))

	comment := attr(shown.elements("li")[len(shown.elements("li"))-5], "id") // before the footer's four
	require.True(t, contracts.IsID(comment), comment)
	edit := "/comments/" + comment + "/edit"
	mine := rita.opens(edit).form(edit)
	require.Contains(t, rita.opens(edit).form(edit).fill("body", "From elsewhere.").submit().follow().text(), "From elsewhere.")
	lost := mine.fill("body", "I do agree.").submit()
	require.Equal(t, http.StatusPreconditionFailed, lost.status)
	require.Contains(t, lost.text(), "From elsewhere.")
	mustBeSound(t, lost)
	require.Contains(t, lost.form(edit).submit().follow().text(), "I do agree.")

	require.Equal(t, http.StatusForbidden, signIn(t, w.Blog, "ann@blog.test").get(edit).status)
	require.Contains(t, rita.opens("/comments/"+comment+"/delete").form("/comments/"+comment+"/delete").submit().follow().text(), "The comment is deleted.")
	require.Equal(t, http.StatusNotFound, rita.get("/comments/"+comment).status)
}

func TestACommentThatIsRefusedIsKept(t *testing.T) {
	w := settle(t)
	rita := signIn(t, w.Blog, "rita@blog.test")
	say := "/posts/" + w.post.ID + "/comments"
	long := strings.Repeat("x", 4001)
	answer := rita.opens("/posts/"+w.post.ID+"/"+w.post.Slug).form(say).fill("body", long).submit()
	require.Equal(t, http.StatusUnprocessableEntity, answer.status)
	require.Contains(t, textOf(answer.byID("body-fault")), "4001 characters")
	require.Equal(t, long, answer.form(say).values.Get("body"))
	require.Contains(t, answer.text(), "Well said.", "the post and its comments are still there")
}

func TestAHeldCommentIsSeenByItsWriterAndModerators(t *testing.T) {
	w := settle(t)
	address := "/posts/" + w.post.ID + "/" + w.post.Slug
	rita, mo, visitor := signIn(t, w.Blog, "rita@blog.test"), signIn(t, w.Blog, "mo@blog.test"), visit(t, w.Blog)
	said := rita.opens(address).form("/posts/"+w.post.ID+"/comments").fill("body", "More spam.").submit().follow()
	require.Contains(t, said.text(), "A moderator reads your comment first")
	require.Contains(t, said.text(), "waits for a moderator")
	require.NotContains(t, visitor.opens(address).text(), "spam")

	queue := mo.opens("/moderation")
	require.Contains(t, queue.text(), `Held for the word "spam"`)
	decide := "/moderation/comments/" + w.held.ID
	require.Contains(t, queue.form(decide).fill("verdict", "approved").submit().follow().text(), "The comment is approved.")
	require.Contains(t, visitor.opens(address).text(), "This is spam.")
	require.Equal(t, http.StatusForbidden, rita.posts(decide, map[string][]string{"verdict": {"approved"}}).status)
	require.Equal(t, http.StatusForbidden, rita.get("/moderation").status)
}

func TestModeratorsMakeRulesAndRoles(t *testing.T) {
	w := settle(t)
	mo := signIn(t, w.Blog, "mo@blog.test")
	wrong := mo.opens("/moderation/rules").form("/moderation/rules").fill("kind", "word").fill("pattern", "two words").submit()
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, textOf(wrong.byID("pattern-fault")), "not one word")
	require.Equal(t, "two words", wrong.form("/moderation/rules").values.Get("pattern"))
	wrong = wrong.form("/moderation/rules").fill("kind", "links").fill("max", "many").submit()
	require.Contains(t, textOf(wrong.byID("max-fault")), "no number")
	shown := wrong.form("/moderation/rules").fill("max", "1").fill("verdict", "rejected").submit().follow()
	require.Contains(t, shown.text(), "More than 1 link rejected at once")

	role := "/authors/" + w.rita.ID + "/role"
	require.Contains(t, mo.opens("/authors/"+w.rita.ID).form(role).fill("role", "author").submit().follow().text(), "Rita is now: author.")
	require.Equal(t, http.StatusForbidden, signIn(t, w.Blog, "ann@blog.test").posts(role, map[string][]string{"role": {"reader"}}).status)
}

func TestAnAuthorIsToldAndReads(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	front := ann.opens("/")
	require.Contains(t, front.text(), "1 unread")
	inbox := ann.opens("/notifications")
	require.Contains(t, inbox.text(), "Rita commented on Über Bäume")
	opened := inbox.elements("form")
	var action string
	for _, f := range opened {
		if strings.HasSuffix(attr(f, "action"), "/open") {
			action = attr(f, "action")
		}
	}
	answer := inbox.form(action).submit()
	require.Equal(t, "/comments/"+w.said.ID, answer.header.Get("Location"))
	to := ann.get(answer.header.Get("Location")).header.Get("Location")
	require.True(t, strings.HasSuffix(to, "#"+w.said.ID), to)
	require.NotContains(t, ann.opens("/").text(), "1 unread")
	w.Say(t, w.rita, w.post.ID, "Once more.")
	require.Contains(t, ann.opens("/notifications").form("/notifications/read").submit().follow().text(), "All are read.")
}

// TestALinkToACommentFindsItsPage: the hundred and first stands on the second page.
func TestALinkToACommentFindsItsPage(t *testing.T) {
	w := settle(t)
	var last contracts.Comment
	for range 120 {
		last = w.Say(t, w.rita, w.post.ID, "And another.")
	}
	visitor := visit(t, w.Blog)
	to := visitor.get("/comments/" + last.ID).header.Get("Location")
	require.Contains(t, to, "?cursor=")
	shown := visitor.opens(to)
	require.NotNil(t, shown.byID(last.ID))
	require.Contains(t, shown.text(), "The first comments")
}
