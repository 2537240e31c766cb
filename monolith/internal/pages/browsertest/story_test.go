package browsertest

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/pages/pagestest"
)

// TestPeopleUseTheBlog: what people come for, by hand, on each screen. One of the
// looks has no script: everything is there all the same.
func TestPeopleUseTheBlog(t *testing.T) {
	browser := startBrowser(t)
	for _, l := range looks() {
		t.Run(l.name, func(t *testing.T) {
			b := pagestest.Start(t)
			b.Join(t, "Mo", contracts.Moderator)
			ann := open(t, browser, b.URL, l)
			ann.joins("Ann")
			ann.becomesAuthor()
			address := ann.writesAPost()
			mo := open(t, browser, b.URL, l)
			mo.signsIn("mo@blog.test")
			mo.makesARule("casino")

			rita := open(t, browser, b.URL, l)
			rita.joins("Rita")
			rita.goes(address)
			rita.types("body", "I liked this.")
			rita.button("Comment")
			rita.says("Your comment is out.")
			rita.types("body", "Visit my casino!")
			rita.button("Comment")
			rita.says("A moderator reads your comment first")
			rita.save("held-comment")
			rita.fits()

			mo.judges("Visit my casino!")
			ann.isToldOf("Rita", l.script)
			ann.losesARace(browser, address)
			rita.endsHerOtherSession(browser)
			ann.deletesHerPost(address)
		})
	}
}

func (tb *tab) joins(name string) {
	tb.t.Helper()
	tb.goes("/")
	tb.press(`header a[href^="/sign-up"]`)
	tb.types("name", name)
	tb.types("email", strings.ToLower(name)+"@blog.test")
	tb.types("password", pagestest.Password)
	tb.button("Sign up")
	tb.says("Welcome, " + name)
	tb.fits()
}

func (tb *tab) becomesAuthor() {
	tb.t.Helper()
	require.Equal(tb.t, http.StatusForbidden, tb.goes("/write"))
	tb.fits()
	tb.button("Become an author")
	require.Equal(tb.t, "/write", tb.path())
}

// writesAPost previews, makes a mistake, mends it, publishes, adds a cover, and
// returns the post's address.
func (tb *tab) writesAPost() string {
	tb.t.Helper()
	tb.types("title", "A walk at low tide")
	tb.types("body", "The sea had *gone out* for the day.")
	tb.types("tags", "Bad_Tag")
	tb.button("Preview")
	tb.says("Preview: nothing is saved yet")
	tb.save("preview")
	tb.fits()
	require.Equal(tb.t, http.StatusUnprocessableEntity, tb.button("Publish"))
	tb.says(`"bad_tag" is no tag`)
	tb.save("mistake")
	tb.fits()
	tb.retypes("tags", "sea")
	tb.button("Publish")
	tb.says("Your post is out.")
	address := tb.path()

	tb.press(`main a[href$="/edit"]`)
	file := filepath.Join(tb.t.TempDir(), "hill.png")
	require.NoError(tb.t, os.WriteFile(file, picture(tb.t), 0o600))
	tb.do(chromedp.SetUploadFiles(chromedp.CSS(`main [name="cover"]`), []string{file}))
	tb.button("Use as cover")
	tb.says("The post has a new cover.")
	tb.goes(address)
	tb.do(chromedp.WaitVisible(chromedp.CSS("img.cover")))
	tb.fits()
	return address
}

func (tb *tab) makesARule(word string) {
	tb.t.Helper()
	tb.goes("/moderation/rules")
	tb.types("pattern", word)
	tb.button("Add the rule")
	tb.says("The word " + word)
}

func (tb *tab) judges(comment string) {
	tb.t.Helper()
	tb.goes("/moderation")
	tb.says(comment)
	tb.save("queue-with-one")
	tb.fits()
	tb.button("Approve")
	tb.says("The comment is approved.")
	tb.says("Nothing waits.")
}

// isToldOf: with script the number rises while the page is open.
func (tb *tab) isToldOf(name string, live bool) {
	tb.t.Helper()
	if !live {
		tb.goes("/")
	}
	tb.do(chromedp.WaitVisible(`//b[contains(@class,"badge") and starts-with(normalize-space(), "2")]`))
	tb.press(".bell")
	tb.says(name + " commented on A walk at low tide")
	tb.save("told")
	tb.fits()
	tb.button("Mark all as read")
	tb.says("All are read.")
	tb.do(chromedp.WaitNotVisible(chromedp.CSS(".badge")))
}

// losesARace edits in two windows.
func (tb *tab) losesARace(browser context.Context, address string) {
	tb.t.Helper()
	other := open(tb.t, browser, tb.base, tb.look)
	other.signsIn("ann@blog.test")
	edit := address[:strings.LastIndexByte(address, '/')] + "/edit"
	tb.goes(edit)
	other.goes(edit)
	other.retypes("body", "Written on the other screen.")
	other.button("Save changes")
	tb.retypes("body", "Written on this screen.")
	require.Equal(tb.t, http.StatusPreconditionFailed, tb.button("Save changes"))
	tb.says("Written on the other screen.")
	tb.save("lost-race")
	tb.fits()
	tb.retypes("body", "Written on both screens.")
	tb.button("Save changes")
	tb.says("Your changes are saved.")
	tb.says("Written on both screens.")
}

func (tb *tab) endsHerOtherSession(browser context.Context) {
	tb.t.Helper()
	phone := open(tb.t, browser, tb.base, tb.look)
	phone.signsIn("rita@blog.test")
	tb.goes("/")
	tb.do(chromedp.Click(chromedp.CSS(".menu summary")))
	tb.do(chromedp.WaitVisible(chromedp.CSS(`.menu a[href="/me/sessions"]`)))
	tb.save("menu")
	tb.press(`.menu a[href="/me/sessions"]`)
	tb.button("Sign out everywhere else")
	tb.says("1 other session is ended.")
	phone.goes("/me/profile")
	require.Equal(tb.t, "/sign-in?next=%2Fme%2Fprofile", phone.path())

	// Signed out while she writes: the comment is not lost.
	tb.goes("/")
	tb.press("main h2 a")
	tb.types("body", "A long thought.")
	tb.t.Log("the session ends behind her back")
	third := open(tb.t, browser, tb.base, tb.look)
	third.signsIn("rita@blog.test")
	third.goes("/me/sessions")
	third.button("Sign out everywhere else")
	require.Equal(tb.t, http.StatusUnauthorized, tb.button("Comment"))
	tb.says("A long thought.")
	tb.save("signed-out")
	tb.fits()
}

func (tb *tab) deletesHerPost(address string) {
	tb.t.Helper()
	tb.goes(address)
	tb.press(`main a[href$="/delete"]`)
	tb.says("with its 2 comments")
	tb.button("Delete for good")
	tb.says("The post is deleted.")
	require.Equal(tb.t, http.StatusNotFound, tb.goes(address))
	tb.fits()
}
