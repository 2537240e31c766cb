package pages_test

import (
	"bytes"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
)

func TestADoubleClickIsOnePost(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	sheet := ann.opens("/write").form("/write").fill("title", "Once").fill("body", "One\r\n\r\ntwo").fill("tags", "#Trees, slow-reading").fill("do", "publish")
	first, second := sheet.submit(), sheet.submit()
	require.Equal(t, http.StatusSeeOther, first.status, first.body)
	require.Equal(t, first.header.Get("Location"), second.header.Get("Location"))
	mine, err := w.Posts.Mine(t.Context(), w.ann.Viewer(), paging.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "Once", mine.Items[0].Title)
	require.Equal(t, []string{"slow-reading", "trees"}, mine.Items[0].Tags)
	post, err := w.Posts.Get(t.Context(), w.ann.Viewer(), mine.Items[0].ID)
	require.NoError(t, err)
	require.Equal(t, "One\n\ntwo", post.Body, "line ends are ours, not the browser's")
	require.Contains(t, first.follow().text(), "Your post is out.")

	again := sheet.fill("body", "Another text").submit()
	require.Equal(t, http.StatusUnprocessableEntity, again.status)
	require.Contains(t, again.text(), "sent before")
	require.Contains(t, again.form("/write").values.Get("body"), "Another text")
	require.Equal(t, http.StatusSeeOther, again.form("/write").fill("do", "save").submit().status, "sent again it is a post of its own")
}

func TestWhatIsWrongStandsNextToItsField(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	answer := ann.opens("/write").form("/write").fill("title", " ").fill("body", "\r\nKept,\r\nwith its lines").fill("tags", "good, bad--tag, Ünicode").submit()
	require.Equal(t, http.StatusUnprocessableEntity, answer.status)
	require.Contains(t, textOf(answer.byID("title-fault")), "The title is empty")
	require.Contains(t, textOf(answer.byID("tags-fault")), `"bad--tag"`)
	require.Nil(t, answer.byID("body-fault"))
	require.Equal(t, "title-fault", attr(answer.byID("title"), "aria-describedby"))
	require.Equal(t, "true", attr(answer.byID("title"), "aria-invalid"))
	require.Equal(t, "\r\nKept,\r\nwith its lines", answer.form("/write").values.Get("body"))
	require.Equal(t, "good, bad--tag, Ünicode", answer.form("/write").values.Get("tags"))
	mustBeSound(t, answer)
}

func TestAPreviewStoresNothing(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	before, err := w.Posts.Mine(t.Context(), w.ann.Viewer(), paging.Page{Limit: 100})
	require.NoError(t, err)
	answer := ann.opens("/write").form("/write").fill("title", "Look").fill("body", "*first*").fill("do", "preview").submit()
	require.Equal(t, http.StatusOK, answer.status)
	require.Equal(t, "first", textOf(answer.elements("em")[0]))
	require.Equal(t, "*first*", answer.form("/write").values.Get("body"))
	after, err := w.Posts.Mine(t.Context(), w.ann.Viewer(), paging.Page{Limit: 100})
	require.NoError(t, err)
	require.Len(t, after.Items, len(before.Items))

	edit := "/posts/" + w.draft.ID + "/edit"
	answer = ann.opens(edit).form(edit).fill("body", "**other**").fill("do", "preview").submit()
	require.Equal(t, http.StatusOK, answer.status)
	draft, err := w.Posts.Get(t.Context(), w.ann.Viewer(), w.draft.ID)
	require.NoError(t, err)
	require.Equal(t, "Draft.", draft.Body)
}

func TestALostRaceShowsBothTexts(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	edit := "/posts/" + w.post.ID + "/edit"
	mine := ann.opens(edit).form(edit)
	_, _, err := w.Posts.Edit(t.Context(), w.ann.Viewer(), w.post.ID, posts.Text{Title: "From the phone", Body: "Theirs.", Tags: nil}, 1, contracts.Key{})
	require.NoError(t, err)

	lost := mine.fill("body", "Mine.").submit()
	require.Equal(t, http.StatusPreconditionFailed, lost.status)
	mustBeSound(t, lost)
	require.Contains(t, lost.text(), "From the phone")
	require.Contains(t, lost.text(), "Theirs.")
	require.Contains(t, lost.text(), "Nothing is saved yet")
	merged := lost.form(edit)
	require.Equal(t, "Mine.", merged.values.Get("body"))
	require.Equal(t, "2", merged.values.Get("version"))

	require.Contains(t, merged.fill("body", "Both.").submit().follow().text(), "Both.")
	post, err := w.Posts.Get(t.Context(), w.ann.Viewer(), w.post.ID)
	require.NoError(t, err)
	require.Equal(t, "Both.", post.Body)
}

func TestADraftIsPublishedFromWhereItIsSeen(t *testing.T) {
	w := settle(t)
	ann, visitor := signIn(t, w.Blog, "ann@blog.test"), visit(t, w.Blog)
	address := "/posts/" + w.draft.ID + "/" + w.draft.Slug
	require.Equal(t, http.StatusNotFound, visitor.get(address).status)
	require.Equal(t, http.StatusNotFound, signIn(t, w.Blog, "rita@blog.test").get("/posts/"+w.draft.ID+"/edit").status)
	require.Contains(t, ann.opens("/me/posts").text(), "Draft")
	require.Contains(t, ann.opens(address).form("/posts/"+w.draft.ID+"/publish").submit().follow().text(), "Your post is out.")
	require.Equal(t, http.StatusOK, visitor.get(address).status)
}

func TestDeletingAsksFirst(t *testing.T) {
	w := settle(t)
	ann, rita, mo := signIn(t, w.Blog, "ann@blog.test"), signIn(t, w.Blog, "rita@blog.test"), signIn(t, w.Blog, "mo@blog.test")
	ask := "/posts/" + w.post.ID + "/delete"
	require.Equal(t, http.StatusForbidden, rita.get(ask).status)
	require.Equal(t, http.StatusForbidden, rita.posts(ask, nil).status)
	require.Equal(t, http.StatusOK, mo.get(ask).status)
	asked := ann.opens(ask)
	require.Contains(t, asked.text(), "with its 1 comment.")
	require.Equal(t, http.StatusOK, visit(t, w.Blog).get("/posts/"+w.post.ID+"/"+w.post.Slug, "Accept", "text/html").status)
	require.Contains(t, asked.form(ask).submit().follow().text(), "The post is deleted.")
	require.Equal(t, http.StatusSeeOther, asked.form(ask).submit().status, "once more is no error")
	require.Equal(t, http.StatusNotFound, ann.get("/posts/"+w.post.ID).status)
}

func TestAPostWithTheTitleEditHasAPage(t *testing.T) {
	w := settle(t)
	odd := w.Write(t, w.ann, posts.Text{Title: "Edit", Body: "Odd."})
	visitor := visit(t, w.Blog)
	answer := visitor.get("/posts/" + odd.ID + "/edit") // as somebody makes it of id and slug
	require.Contains(t, answer.follow().text(), "Odd.")
	require.Equal(t, http.StatusOK, signIn(t, w.Blog, "ann@blog.test").get("/posts/"+odd.ID+"/edit").status)
}

func TestEverySpellingLeadsToTheOneAddress(t *testing.T) {
	w := settle(t)
	visitor := visit(t, w.Blog)
	proper := "/posts/" + w.post.ID + "/" + url.PathEscape(w.post.Slug)
	require.Equal(t, "/posts/"+w.post.ID+"/%C3%BCber-b%C3%A4ume", proper)
	require.Equal(t, http.StatusOK, visitor.get(proper).status)
	for _, other := range []string{"/posts/" + w.post.ID, "/posts/" + w.post.ID + "/older-title"} {
		answer := visitor.get(other)
		require.Equal(t, http.StatusFound, answer.status, other)
		require.Equal(t, proper, answer.header.Get("Location"))
	}
}

// sendFile posts a form with one file.
func (p *person) sendFile(path, field, name string, content []byte) *page {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile(field, name)
	require.NoError(p.t, err)
	_, err = part.Write(content)
	require.NoError(p.t, err)
	require.NoError(p.t, form.Close())
	return p.post(path, form.FormDataContentType(), body.Bytes())
}

func TestACoverIsUploadedAndTakenAway(t *testing.T) {
	w := settle(t)
	ann := signIn(t, w.Blog, "ann@blog.test")
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 8, 8))))
	upload := "/posts/" + w.post.ID + "/cover"
	for _, c := range []struct {
		name    string
		content []byte
		status  int
		says    string
	}{
		{"page.png", []byte("<html><script>alert(1)</script>"), http.StatusUnsupportedMediaType, "PNG, JPEG, GIF or WebP"},
		{"", nil, http.StatusUnprocessableEntity, "Choose a picture first"},
		{"huge.png", append(picture.Bytes(), make([]byte, posts.MaxCover)...), http.StatusRequestEntityTooLarge, "take"},
		{"vast.png", make([]byte, 7<<20), http.StatusRequestEntityTooLarge, ""},
	} {
		answer := ann.sendFile(upload, "cover", c.name, c.content)
		require.Equal(t, c.status, answer.status, c.name)
		require.Contains(t, answer.text(), c.says)
		mustBeSound(t, answer)
	}
	require.Equal(t, http.StatusSeeOther, ann.sendFile(upload, "cover", "cover.png", picture.Bytes()).status)
	require.Equal(t, http.StatusForbidden, signIn(t, w.Blog, "mo@blog.test").sendFile(upload, "cover", "cover.png", picture.Bytes()).status)
	shown := visit(t, w.Blog).opens("/")
	require.Len(t, shown.elements("img"), 1)
	require.Equal(t, http.StatusOK, shown.by.get(attr(shown.elements("img")[0], "src")).status)
	require.Equal(t, http.StatusSeeOther, ann.opens("/posts/"+w.post.ID+"/edit").form(upload+"/delete").submit().status)
	require.Empty(t, shown.by.opens("/").elements("img"))
}
