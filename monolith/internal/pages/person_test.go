package pages_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"banyan.dev/monolith/internal/pages/pagestest"
)

// person is somebody with a browser that has no script.
type person struct {
	t    *testing.T
	base *url.URL
	http *http.Client
}

// page is an answer as a browser reads it.
type page struct {
	by      *person
	status  int
	header  http.Header
	address *url.URL
	body    string
	root    *html.Node
}

func visit(t *testing.T, b *pagestest.Blog) *person {
	t.Helper()
	base, err := url.Parse(b.URL)
	require.NoError(t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	return &person{t, base, client}
}

// signIn returns somebody who is signed in; the address is pagestest's for the name.
func signIn(t *testing.T, b *pagestest.Blog, email string) *person {
	t.Helper()
	p := visit(t, b)
	answer := p.get("/sign-in").form("/sign-in").fill("email", email).fill("password", pagestest.Password).submit()
	require.Equal(t, http.StatusSeeOther, answer.status, answer.body)
	return p
}

func (p *person) send(r *http.Request) *page {
	p.t.Helper()
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	answer, err := p.http.Do(r)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	pg := &page{by: p, status: answer.StatusCode, header: answer.Header, address: r.URL, body: string(body)}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && len(body) > 0 {
		pg.root, err = html.Parse(bytes.NewReader(body))
		require.NoError(p.t, err)
	}
	return pg
}

func (p *person) resolve(path string) string {
	p.t.Helper()
	to, err := p.base.Parse(path)
	require.NoError(p.t, err)
	return to.String()
}

func (p *person) get(path string, headers ...string) *page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.resolve(path), nil)
	require.NoError(p.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return p.send(r)
}

// opens gets a page that must be there.
func (p *person) opens(path string) *page {
	p.t.Helper()
	pg := p.get(path)
	require.Equal(p.t, http.StatusOK, pg.status, "%s: %s", path, pg.body)
	return pg
}

func (p *person) post(path, kind string, body []byte, headers ...string) *page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.resolve(path), bytes.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return p.send(r)
}

func (p *person) posts(path string, values url.Values) *page {
	p.t.Helper()
	return p.post(path, "application/x-www-form-urlencoded", []byte(values.Encode()))
}

// follow opens where the answer leads.
func (pg *page) follow() *page {
	pg.by.t.Helper()
	require.Equal(pg.by.t, http.StatusSeeOther, pg.status, pg.body)
	to, err := pg.address.Parse(pg.header.Get("Location"))
	require.NoError(pg.by.t, err)
	next := pg.by.get(to.RequestURI())
	for next.status == http.StatusFound {
		next = pg.by.get(next.header.Get("Location"))
	}
	return next
}

// text is what a reader sees.
func (pg *page) text() string { return textOf(pg.root) }

func textOf(n *html.Node) string {
	var words []string
	for node := range n.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "script" && node.Parent.Data != "style" {
			words = append(words, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// elements returns all with the tag.
func (pg *page) elements(tag string) []*html.Node {
	var found []*html.Node
	for node := range pg.root.Descendants() {
		if node.Type == html.ElementNode && node.Data == tag {
			found = append(found, node)
		}
	}
	return found
}

// byID returns the element with the id, or nil.
func (pg *page) byID(id string) *html.Node {
	for node := range pg.root.Descendants() {
		if node.Type == html.ElementNode && attr(node, "id") == id {
			return node
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// filling is a form with what stands in it.
type filling struct {
	page   *page
	action string
	values url.Values
}

// form returns the form that posts to an address.
func (pg *page) form(action string) *filling {
	pg.by.t.Helper()
	for _, node := range pg.elements("form") {
		if attr(node, "action") == action && strings.EqualFold(attr(node, "method"), "post") {
			return read(pg, node)
		}
	}
	require.Fail(pg.by.t, "there is no form to "+action, pg.body)
	return nil
}

func read(pg *page, node *html.Node) *filling {
	f := &filling{pg, attr(node, "action"), url.Values{}}
	for control := range node.Descendants() {
		name, kind := attr(control, "name"), attr(control, "type")
		switch {
		case name == "" || control.Data == "button" || kind == "file":
		case control.Data == "textarea":
			f.values.Set(name, textIn(control))
		case control.Data == "select":
			for option := range control.Descendants() {
				if has(option, "selected") {
					f.values.Set(name, attr(option, "value"))
				}
			}
		case kind == "radio" && !has(control, "checked"):
		case control.Data == "input":
			f.values.Set(name, attr(control, "value"))
		}
	}
	return f
}

// textIn is what stands in a text area, with the line ends that a browser sends.
func textIn(area *html.Node) string {
	if area.FirstChild == nil {
		return ""
	}
	return strings.ReplaceAll(area.FirstChild.Data, "\n", "\r\n")
}

func (f *filling) fill(name, value string) *filling {
	f.values.Set(name, value)
	return f
}

func (f *filling) submit() *page {
	f.page.by.t.Helper()
	return f.page.by.posts(f.action, f.values)
}
