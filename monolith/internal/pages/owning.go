package pages

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// unlessSlug leads everybody but the author on to the post whose slug happens to be
// the last word of the address, as of a post with the title "Edit".
func (p *Pages) unlessSlug(word string, h echo.HandlerFunc) echo.HandlerFunc {
	h = p.signedIn(h)
	return func(c echo.Context) error {
		post, err := p.load(c)
		if err == nil && post.Slug == word && !viewer(c).Is(post.Author.ID) {
			return redirect(c, postPath(post.ID, post.Slug))
		}
		return h(c)
	}
}

func (p *Pages) publish(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	post, err := p.Posts.Publish(c.Request().Context(), viewer(c), id, contracts.Key{})
	if err != nil {
		return err
	}
	return p.done(c, postPath(post.ID, post.Slug), "Your post is out.")
}

// deleteForm asks once more: what is deleted can't be had back.
func (p *Pages) deleteForm(c echo.Context) error {
	post, err := p.load(c)
	if err != nil {
		return err
	}
	if !viewer(c).Is(post.Author.ID) && !viewer(c).Moderates() {
		return problem.New(problem.Forbidden, "only its author or a moderator can delete a post")
	}
	return p.show(c, http.StatusOK, "delete", view{Title: "Delete: " + post.Title, Page: deletePage{
		What: "post", Title: post.Title, Action: "/posts/" + post.ID + "/delete", Back: postPath(post.ID, post.Slug), Comments: post.PostSummary.Comments,
	}})
}

// deletePage asks whether something shall go.
type deletePage struct {
	What, Title, Action, Back string
	Comments                  int
}

func (p *Pages) delete(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	if err := p.Posts.Delete(c.Request().Context(), viewer(c), id, 0); err != nil {
		return err
	}
	return p.done(c, "/me/posts", "The post is deleted.")
}

// setCover takes the picture of a form with a file field.
func (p *Pages) setCover(c echo.Context) error {
	post, err := p.own(c)
	if err != nil {
		return err
	}
	content, err := fileOf(c, "cover", posts.MaxCover)
	if err == nil {
		_, err = p.Posts.SetCover(c.Request().Context(), viewer(c), post.ID, content)
	}
	switch kind := problem.KindOf(err); {
	case err == nil:
		return p.done(c, "/posts/"+post.ID+"/edit#cover", "The post has a new cover.")
	case kind == problem.TooLarge, kind == problem.UnsupportedMediaType, kind == problem.Validation:
		return p.refuseCover(c, post, err)
	}
	return err
}

// refuseCover shows the form again with what is wrong with the picture.
func (p *Pages) refuseCover(c echo.Context, post contracts.Post, err error) error {
	var about *problem.Error
	errors.As(err, &about)
	status := map[problem.Kind]int{
		problem.TooLarge:             http.StatusRequestEntityTooLarge,
		problem.UnsupportedMediaType: http.StatusUnsupportedMediaType,
	}[about.Kind]
	if status == 0 {
		status = http.StatusUnprocessableEntity
	}
	s := sheetOf(post)
	detail := about.Detail
	if len(about.Fields) > 0 {
		detail = about.Fields[0].Detail
	}
	s.Faults = faults{"cover": {sentence(detail)}}
	return p.showSheet(c, status, s)
}

// fileOf reads one file of a multipart form (RFC 7578) into memory. Problems:
// TooLarge, UnsupportedMediaType when it is no such form, Validation when no file
// was chosen.
func fileOf(c echo.Context, field string, limit int64) ([]byte, error) {
	const around = 64 << 10 // what a form has besides the file
	reader, err := c.Request().MultipartReader()
	if err != nil {
		return nil, problem.New(problem.UnsupportedMediaType, "the form was not sent with a file: use the one of the page")
	}
	if c.Request().ContentLength > limit+around {
		_, err := httpkit.ReadBody(c.Request(), limit+around) // reads it off the connection
		return nil, err
	}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, partError(err)
		}
		if part.FormName() == field && part.FileName() != "" {
			return readPart(part, limit)
		}
	}
	return nil, (&problem.Fields{{Field: field, Detail: "choose a picture first"}}).Err()
}

func readPart(part *multipart.Part, limit int64) ([]byte, error) {
	var content bytes.Buffer
	n, err := io.Copy(&content, io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return nil, partError(err)
	case n > limit:
		return nil, problem.New(problem.TooLarge, "the picture has more than %d MB: take a smaller one", limit>>20)
	}
	return content.Bytes(), nil
}

func partError(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return err
	}
	return problem.New(problem.Malformed, "the form with the file can't be read: %s", err)
}

func (p *Pages) deleteCover(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	if err := p.Posts.DeleteCover(c.Request().Context(), viewer(c), id); err != nil {
		return err
	}
	return p.done(c, "/posts/"+id+"/edit#cover", "The cover is gone.")
}
