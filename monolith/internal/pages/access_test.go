package pages_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/pages/pagestest"
)

func TestAPersonSignsUpOutAndIn(t *testing.T) {
	w := settle(t)
	nina := visit(t, w.Blog)
	sheet := nina.opens("/sign-up?next=/tags").form("/sign-up").fill("name", "Nina").fill("email", "rita@blog.test").fill("password", "short")
	wrong := sheet.submit()
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, textOf(wrong.byID("password-fault")), "at least 10")
	require.Empty(t, wrong.form("/sign-up").values.Get("password"), "a password is not sent back")
	require.NotContains(t, wrong.body, "short\"")
	taken := wrong.form("/sign-up").fill("password", pagestest.Password).submit()
	require.Equal(t, http.StatusConflict, taken.status)
	require.Contains(t, textOf(taken.byID("email-fault")), "has an account already")

	sheet = taken.form("/sign-up").fill("email", "nina@blog.test").fill("password", pagestest.Password)
	welcome := sheet.submit().follow()
	require.Equal(t, "/tags", welcome.address.Path)
	require.Contains(t, welcome.text(), "Signed in as Nina")
	require.Contains(t, welcome.text(), "Welcome, Nina.")
	require.Equal(t, http.StatusSeeOther, sheet.submit().status, "a double click is one account")

	require.NotContains(t, nina.opens("/").form("/sign-out").submit().follow().text(), "Nina")
	refused := nina.opens("/sign-in").form("/sign-in").fill("email", "nina@blog.test").fill("password", "not her password").submit()
	require.Equal(t, http.StatusUnauthorized, refused.status)
	require.Contains(t, refused.text(), "The mail address or the password is not right.")
	require.Equal(t, "nina@blog.test", refused.form("/sign-in").values.Get("email"))
	require.Contains(t, refused.form("/sign-in").fill("password", pagestest.Password).submit().follow().text(), "Nina")
	require.Equal(t, http.StatusSeeOther, nina.get("/sign-in").status, "who is in is not asked again")
}

func TestGuessingIsSlowedDown(t *testing.T) {
	w := settle(t)
	mallory := visit(t, w.Blog)
	var answer *page
	for range 11 {
		answer = mallory.opens("/sign-in").form("/sign-in").fill("email", "ann@blog.test").fill("password", "a wild guess").submit()
	}
	require.Equal(t, http.StatusTooManyRequests, answer.status)
	require.NotEmpty(t, answer.header.Get("Retry-After"))
	require.Contains(t, answer.text(), "Too many wrong passwords")
}

func TestSigningInLeadsBackButNeverAway(t *testing.T) {
	w := settle(t)
	visitor := visit(t, w.Blog)
	answer := visitor.get("/write?x=1")
	require.Equal(t, http.StatusSeeOther, answer.status)
	require.Equal(t, "/sign-in?next=%2Fwrite%3Fx%3D1", answer.header.Get("Location"))
	for _, evil := range []string{"//evil.example", `/\evil.example`, "https://evil.example/", "/%09/evil.example", "javascript:alert(1)", "/\t/evil.example", "", "x", "/sign-in"} {
		visitor := visit(t, w.Blog)
		sheet := visitor.opens("/sign-in?" + url.Values{"next": {evil}}.Encode()).form("/sign-in")
		answer := sheet.fill("next", evil).fill("email", "ann@blog.test").fill("password", pagestest.Password).submit()
		require.Equal(t, "/", answer.header.Get("Location"), evil)
	}
}

func TestWhatWasTypedOutlivesTheSession(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	sheet := ann.opens("/write").form("/write").fill("title", "Long work").fill("body", "\r\nLine <one>\r\nline two").fill("tags", "kept").fill("do", "save")
	w.Forget()
	answer := sheet.submit()
	require.Equal(t, http.StatusUnauthorized, answer.status)
	require.Contains(t, answer.text(), "it is not lost either")
	require.Contains(t, answer.text(), "Line <one>")
	mustBeSound(t, answer)
	again := answer.form("/write")
	require.Equal(t, sheet.values, again.values)

	back := signIn(t, w.Blog, "ann@blog.test") // on another page, in the same browser
	ann.http.Jar = back.http.Jar
	require.Contains(t, again.submit().follow().text(), "The draft is saved.")
}

func TestSessionsAreSeenAndEnded(t *testing.T) {
	w := settle(t)
	laptop, phone, other := signIn(t, w.Blog, "rita@blog.test"), signIn(t, w.Blog, "rita@blog.test"), signIn(t, w.Blog, "rita@blog.test")
	list := laptop.opens("/me/sessions")
	require.Equal(t, 3, strings.Count(list.text(), "A Go program")+strings.Count(list.text(), "a Go program"))
	require.Contains(t, list.text(), "this one")
	var revokes []string
	for _, f := range list.elements("form") {
		if action := attr(f, "action"); strings.HasSuffix(action, "/revoke") && !strings.Contains(action, "others") && !strings.Contains(textOf(f), "here") {
			revokes = append(revokes, action)
		}
	}
	require.Len(t, revokes, 2)
	require.Contains(t, list.form(revokes[0]).submit().follow().text(), "That session is ended.")
	require.Contains(t, list.form(revokes[0]).submit().follow().text(), "had ended already")
	require.Contains(t, laptop.opens("/me/sessions").form("/me/sessions/others/revoke").submit().follow().text(), "1 other session is ended.")
	for _, gone := range []*person{phone, other} {
		require.Equal(t, http.StatusSeeOther, gone.get("/me/sessions").status)
	}
	require.Equal(t, http.StatusOK, laptop.get("/me/sessions").status)
}

func TestAReaderBecomesAnAuthor(t *testing.T) {
	w := settle(t)
	rita := signIn(t, w.Blog, "rita@blog.test")
	offer := rita.get("/write")
	require.Equal(t, http.StatusForbidden, offer.status)
	require.Contains(t, offer.form("/me/role").fill("role", "author").submit().follow().text(), "You are an author now.")
	require.Contains(t, rita.opens("/me/profile").form("/me/role").fill("role", "reader").submit().follow().text(), "You are a reader now.")
	require.Equal(t, http.StatusForbidden, rita.posts("/me/role", url.Values{"role": {"moderator"}}).status)
}

func TestANameIsChangedEverywhere(t *testing.T) {
	w := settle(t)
	rita := signIn(t, w.Blog, "rita@blog.test")
	stale := rita.opens("/me/profile").form("/me/profile")
	require.Contains(t, rita.opens("/me/profile").form("/me/profile").fill("name", "Margarita").submit().follow().text(), "Signed in as Margarita")
	require.Contains(t, visit(t, w.Blog).opens("/posts/"+w.post.ID+"/"+w.post.Slug).text(), "Margarita")
	lost := stale.fill("name", "Greta").submit()
	require.Equal(t, http.StatusPreconditionFailed, lost.status)
	require.Contains(t, textOf(lost.byID("name-fault")), `"Margarita"`)
	require.Equal(t, http.StatusSeeOther, lost.form("/me/profile").submit().status, "once more it stands")
	empty := rita.opens("/me/profile").form("/me/profile").fill("name", "").submit()
	require.Equal(t, http.StatusUnprocessableEntity, empty.status)
}

func TestErrorsTellPeopleWhatToDo(t *testing.T) {
	w := settle(t)
	visitor, rita := visit(t, w.Blog), signIn(t, w.Blog, "rita@blog.test")
	for _, path := range []string{"/no/such/page", "/posts/" + contracts.NewID(), "/posts/not-an-id/x", "/authors/" + contracts.NewID(), "/tags/%00", "/comments/x"} {
		answer := visitor.get(path)
		require.Equal(t, http.StatusNotFound, answer.status, path)
		require.Contains(t, answer.text(), "Check the address")
		mustBeSound(t, answer)
	}
	require.Contains(t, rita.get("/no/such/page").text(), "Signed in as Rita")
	require.Equal(t, http.StatusMethodNotAllowed, rita.get("/sign-out").status)
	require.Equal(t, http.StatusUnprocessableEntity, visitor.get("/?cursor=nonsense").status)
	cross := rita.post("/me/role", "application/x-www-form-urlencoded", []byte("role=author"), "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusForbidden, cross.status)
	require.Equal(t, http.StatusUnprocessableEntity, visitor.posts("/sign-in", url.Values{"email": {"a\x00b"}, "password": {"x"}}).status)
	require.Equal(t, http.StatusUnsupportedMediaType, visitor.post("/sign-in", "text/plain", []byte("x")).status)

	w.Broken(errors.New("connection to secret-host refused"))
	for _, who := range []*person{visitor, rita} {
		broken := who.get("/")
		require.Equal(t, http.StatusInternalServerError, broken.status)
		require.NotContains(t, broken.body, "secret-host")
		require.Contains(t, broken.text(), "number of the request: "+broken.header.Get("X-Request-Id"))
	}
}

func TestWhatIsOnesOwnIsKeptInNoCache(t *testing.T) {
	w := settle(t)
	rita, visitor := signIn(t, w.Blog, "rita@blog.test"), visit(t, w.Blog)
	for _, path := range []string{"/", "/me/profile", "/notifications", "/posts/" + w.post.ID + "/" + w.post.Slug, "/no/such"} {
		require.Equal(t, "no-store", rita.get(path).header.Get("Cache-Control"), path)
	}
	require.Equal(t, "no-cache", visitor.get("/").header.Get("Cache-Control"))
}
