package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/pages/pagestest"
)

// sight is a page to look at.
type sight struct{ name, path string }

// furnished is a blog with something on every page.
type furnished struct {
	*pagestest.Blog
	ann, rita, mo accounts.Account
	post, draft   contracts.Post
}

func furnish(t *testing.T) furnished {
	t.Helper()
	b := furnished{Blog: pagestest.Start(t)}
	b.ann = b.Join(t, "Ann Arbor", contracts.Author)
	b.rita = b.Join(t, "Rita Reader-With-Quite-A-Long-Name", contracts.Reader)
	b.mo = b.Join(t, "Mo", contracts.Moderator)
	for _, in := range essays() {
		b.post = b.Write(t, b.ann, in)
	}
	_, err := b.Posts.SetCover(t.Context(), b.ann.Viewer(), b.post.ID, picture(t))
	require.NoError(t, err)
	held := contracts.Viewer{Person: contracts.Person{ID: b.mo.ID}, Role: contracts.Moderator}
	_, _, err = b.Moderation.AddRule(t.Context(), held, moderation.Rule{Kind: moderation.Links, Verdict: contracts.Pending}, contracts.Key{})
	require.NoError(t, err)
	b.draft, _, err = b.Posts.Create(t.Context(), b.ann.Viewer(), posts.Text{Title: "Not yet", Body: "A first line."}, false, contracts.Key{})
	require.NoError(t, err)
	b.Say(t, b.rita, b.post.ID, "I sat under one in Kolkata as a child.\n\nIt was a whole town of its own.")
	b.Say(t, b.rita, b.post.ID, "There is a picture: https://example.org/"+strings.Repeat("long", 30))
	b.Say(t, b.ann, b.post.ID, "Thank you. Which one?")
	b.Say(t, b.mo, b.post.ID, "The Great Banyan, I suppose.")
	return b
}

func essays() []posts.Text {
	long := "A banyan begins as a guest. A bird drops a seed in the crown of another tree, and **the roots come down through the air** until they touch the ground.\n\n" +
		"## What the roots do\n\nThey thicken into trunks. After a few decades nobody can say *which one was first*.\n\n> The tree that walks, they call it.\n\n" +
		"1. a seed\n2. a root\n3. a wood\n\n| year | trunks |\n|---|---|\n| 1850 | 240 |\n| 1900 | 460 |\n| 2011 | 3,618 |\n\n" +
		"```go\nfor root := range tree.Roots() {\n\troot.Descend(ctx, ground) // and this line is longer than a phone is wide, on purpose\n}\n```\n\n" +
		"---\n\nThen the first tree rots away, and nothing falls."
	return []posts.Text{
		{Title: "On keeping a notebook in the rain", Body: "Paper remembers. " + strings.Repeat("It takes what the weather gives and keeps the rest. ", 8), Tags: []string{"paper", "weather"}},
		{Title: "Small", Body: "A short one."},
		{Title: "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen and other words without a break", Body: strings.Repeat("Wörterbuch ", 40), Tags: []string{"words", "a-tag-that-is-nearly-as-long-as-tags-may"}},
		{Title: "How to read slowly", Body: "Turn the page when you are done, not before. " + strings.Repeat("Then sit with it. ", 12), Tags: []string{"slow-reading", "books", "attention"}},
		{Title: "The tree that walks", Body: long, Tags: []string{"trees", "slow-reading"}},
	}
}

// picture is a sky over a hill.
func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 900, 500))
	for x := range 900 {
		hill := 330 + 60*math.Sin(float64(x)/140)
		for y := range 500 {
			c := color.RGBA{uint8(200 - y/6), uint8(215 - y/8), 225, 255}
			if float64(y) > hill {
				c = color.RGBA{uint8(60 + y/20), uint8(120 + y/30), 80, 255}
			}
			img.Set(x, y, c)
		}
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, img))
	return out.Bytes()
}

func (tb *tab) signsIn(email string) {
	tb.t.Helper()
	tb.goes("/sign-in")
	tb.types("email", email)
	tb.types("password", pagestest.Password)
	tb.button("Sign in")
}

func TestEveryPageFitsItsScreen(t *testing.T) {
	b, browser := furnish(t), startBrowser(t)
	address := "/posts/" + b.post.ID + "/" + b.post.Slug
	public := []sight{
		{"front", "/"}, {"post", address}, {"tag", "/tags/slow-reading"}, {"tags", "/tags"}, {"author", "/authors/" + b.ann.ID},
		{"search", "/search?q=slow"}, {"nothing", "/search?q=nowhere"}, {"sign-in", "/sign-in?next=/write"}, {"sign-up", "/sign-up"},
		{"problems", "/problems"}, {"missing", "/no/such/page"},
	}
	own := []sight{
		{"own-front", "/"}, {"own-post", address}, {"draft", "/posts/" + b.draft.ID + "/" + b.draft.Slug}, {"write", "/write"},
		{"edit", "/posts/" + b.post.ID + "/edit"}, {"delete", "/posts/" + b.post.ID + "/delete"}, {"mine", "/me/posts"},
		{"profile", "/me/profile"}, {"sessions", "/me/sessions"}, {"notifications", "/notifications"}, {"forbidden", "/moderation"},
	}
	judged := []sight{{"queue", "/moderation"}, {"rules", "/moderation/rules"}, {"role", "/authors/" + b.ann.ID}, {"judged-post", address}}
	for _, l := range looks() {
		t.Run(l.name, func(t *testing.T) {
			visitor, ann, mo := open(t, browser, b.URL, l), open(t, browser, b.URL, l), open(t, browser, b.URL, l)
			ann.signsIn("ann.arbor@blog.test")
			mo.signsIn("mo@blog.test")
			for who, sights := range map[*tab][]sight{visitor: public, ann: own, mo: judged} {
				for _, s := range sights {
					who.goes(s.path)
					who.fits()
					who.save(s.name)
				}
			}
		})
	}
}
