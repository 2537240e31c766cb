package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
)

//go:embed templates
var templateFiles embed.FS

// view is what every page shows around its own content, which is Page.
type view struct {
	Title   string
	Active  string // the item of the navigation that this page is, if it is one
	Page    any
	Plain   bool // asks nothing of the database, for pages that say that something failed
	Viewer  contracts.Viewer
	Unread  int
	Flashes []string
	Here    string // where signing in leads back to
	Version string
	Roles   []contracts.Role // that there are
}

// templates holds one set for each page: the layout, the parts, and the page's own.
type templates struct {
	pages map[string]*template.Template
}

func parseTemplates(a *assets) (*templates, error) {
	shared, err := template.New("").Funcs(functions(a)).ParseFS(templateFiles, "templates/layout.html", "templates/parts/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/pages/*.html")
	if err != nil {
		return nil, err
	}
	t := &templates{pages: map[string]*template.Template{}}
	for _, file := range files {
		page, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy the shared templates: %w", err)
		}
		if page, err = page.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
		t.pages[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return t, nil
}

// show answers with a page. The whole is rendered before the first byte is sent, so
// that a template that fails is an error page and not half a page.
func (p *Pages) show(c echo.Context, status int, name string, v view) error {
	page, ok := p.templates.pages[name]
	if !ok {
		return fmt.Errorf("there is no page template %q", name)
	}
	p.surround(c, &v)
	var out bytes.Buffer
	if err := page.ExecuteTemplate(&out, "layout", v); err != nil {
		return fmt.Errorf("render page %q: %w", name, err)
	}
	header := c.Response().Header()
	if v.Viewer.SignedIn() || c.Request().Method == http.MethodPost {
		header.Set(echo.HeaderCacheControl, "no-store")
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(out.Len()))
	return c.Blob(status, echo.MIMETextHTMLCharsetUTF8, out.Bytes())
}

// surround fills in who is asking and what they are told.
func (p *Pages) surround(c echo.Context, v *view) {
	ctx := c.Request().Context()
	v.Viewer, v.Version, v.Here = contracts.ViewerFrom(ctx), p.Version, here(c)
	v.Roles = []contracts.Role{contracts.Reader, contracts.Author, contracts.Moderator}
	if v.Plain || !v.Viewer.SignedIn() {
		return
	}
	v.Flashes = p.Flashes.PopFlash(ctx)
	unread, err := p.Notifications.Unread(ctx, v.Viewer)
	if err != nil {
		// A number in the corner is no reason to withhold the page.
		p.Logger.WarnContext(ctx, "unread notifications could not be counted", "error", err)
	}
	v.Unread = unread
}

// here is the address of the page itself, if it is one that can be returned to.
func here(c echo.Context) string {
	r := c.Request()
	if r.Method == http.MethodPost || strings.HasPrefix(r.URL.Path, "/sign-") {
		return ""
	}
	return localOnly(r.URL.RequestURI())
}

// redirect answers a form that did what it was for: the browser asks for the page
// anew, and reloading it sends nothing twice (RFC 9110, 15.4.4).
func redirect(c echo.Context, to string) error {
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// done is redirect with a message for the page that follows.
func (p *Pages) done(c echo.Context, to, message string) error {
	p.Flashes.PutFlash(c.Request().Context(), message)
	return redirect(c, to)
}

func viewer(c echo.Context) contracts.Viewer { return contracts.ViewerFrom(c.Request().Context()) }
