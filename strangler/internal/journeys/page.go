package journeys

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// page is an HTML page as a browser without script sees it.
type page struct {
	by     *Person
	answer *Answer
	root   *html.Node
}

// Opens asks for a page and reads it.
func (p *Person) Opens(path string) *page {
	return p.Get(path).With("Accept", "text/html").Answers(http.StatusOK).Page()
}

// Page reads the answer as HTML.
func (a *Answer) Page() *page {
	a.HasPart("Content-Type", "text/html")
	root, err := html.Parse(bytes.NewReader(a.Body))
	if err != nil {
		a.fail("the page is no HTML: %v", err)
	}
	return &page{by: a.call.by, answer: a, root: root}
}

// Follows opens where the answer to a form redirects to, as a browser does: a page
// after a form is always another address, or reloading would send the form again.
func (a *Answer) Follows() *page {
	a.mustBe(http.StatusSeeOther)
	for range 5 {
		next := a.call.by.Get(a.target()).With("Accept", "text/html").Sent()
		if next.Status != http.StatusSeeOther && next.Status != http.StatusFound {
			next.mustBe(http.StatusOK)
			return next.Page()
		}
		a = next
	}
	a.fail("it redirects again and again")
	return nil
}

// target is the path that the answer redirects to. It ends the journey when that
// is at another site.
func (a *Answer) target() string {
	location := a.Header.Get("Location")
	base := a.call.by.base()
	to, err := base.Parse(location)
	if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
		a.fail("it redirects to %q, which is not at %s", location, base)
	}
	return to.RequestURI()
}

// Says tells whether the page shows the text.
func (pg *page) Says(text string) bool { return strings.Contains(textOf(pg.root), text) }

// textOf is what a reader sees of a node: without scripts and styles, spaces made one.
func textOf(n *html.Node) string {
	var words []string
	for node := range n.Descendants() {
		hidden := node.Parent != nil && (node.Parent.Data == "script" || node.Parent.Data == "style")
		if node.Type == html.TextNode && !hidden {
			words = append(words, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(words, " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// form is a form of a page with what is filled in.
type form struct {
	page    *page
	action  string
	enctype string
	values  url.Values
	buttons []button
}

// button is a way to submit a form.
type button struct{ name, value, action, label string }

// FormWith returns the page's form that has all these fields.
func (pg *page) FormWith(names ...string) *form {
	for node := range pg.root.Descendants() {
		if node.Type != html.ElementNode || node.Data != "form" || !strings.EqualFold(attribute(node, "method"), "post") {
			continue
		}
		f := pg.read(node)
		missing := slices.ContainsFunc(names, func(name string) bool { return !f.values.Has(name) })
		if !missing {
			return f
		}
	}
	pg.answer.fail("the page has no form with the fields %q", names)
	return nil
}

// FormTo returns the page's form that posts to an address that ends so.
func (pg *page) FormTo(suffix string) *form {
	for node := range pg.root.Descendants() {
		if node.Type == html.ElementNode && node.Data == "form" && strings.HasSuffix(attribute(node, "action"), suffix) {
			return pg.read(node)
		}
	}
	pg.answer.fail("the page has no form to %q", suffix)
	return nil
}

func (pg *page) read(node *html.Node) *form {
	f := &form{page: pg, action: attribute(node, "action"), enctype: attribute(node, "enctype"), values: url.Values{}}
	for control := range node.Descendants() {
		if control.Type == html.ElementNode {
			f.control(control)
		}
	}
	return f
}

// control takes one control's name and what stands in it.
func (f *form) control(n *html.Node) {
	name, kind := attribute(n, "name"), attribute(n, "type")
	switch {
	case n.Data == "button" && kind != "button", n.Data == "input" && kind == "submit":
		f.buttons = append(f.buttons, button{name, attribute(n, "value"), attribute(n, "formaction"), textOf(n)})
	case name == "":
	case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			f.values.Add(name, attribute(n, "value"))
		}
	case n.Data == "input" && kind != "file":
		f.values.Set(name, attribute(n, "value"))
	case n.Data == "textarea":
		f.values.Set(name, written(n))
	case n.Data == "select":
		f.values.Set(name, chosen(n))
	}
}

// written is what stands in a text area, line ends and all. The parser has dropped
// the first one already, as the HTML standard says.
func written(area *html.Node) string {
	if area.FirstChild == nil {
		return ""
	}
	return area.FirstChild.Data
}

func chosen(choice *html.Node) string {
	first := ""
	for node := range choice.Descendants() {
		if node.Type != html.ElementNode || node.Data != "option" {
			continue
		}
		if slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "selected" }) {
			return attribute(node, "value")
		}
		if first == "" {
			first = attribute(node, "value")
		}
	}
	return first
}

// Fill writes into a field.
func (f *form) Fill(name, value string) *form {
	f.values.Set(name, value)
	return f
}

// pressOneOf presses the button whose label or value has the word, else the first.
func (f *form) pressOneOf(word string) *Answer {
	for _, b := range f.buttons {
		if strings.Contains(strings.ToLower(b.label+" "+b.value), word) {
			return f.send(b)
		}
	}
	return f.Submit()
}

// Submit presses the first button.
func (f *form) Submit() *Answer {
	if len(f.buttons) == 0 {
		return f.send(button{})
	}
	return f.send(f.buttons[0])
}

// send posts the form as a browser does.
func (f *form) send(b button) *Answer {
	values := url.Values{}
	for name, all := range f.values {
		values[name] = all
	}
	if b.name != "" {
		values.Set(b.name, b.value)
	}
	action := f.action
	if b.action != "" {
		action = b.action
	}
	by := f.page.by
	here, err := url.Parse(f.page.answer.call.path)
	if err != nil {
		f.page.answer.fail("parse the page's address: %v", err)
	}
	to, err := here.Parse(action)
	if err != nil {
		f.page.answer.fail("the form posts to %q: %v", action, err)
	}
	base := by.base()
	return by.Post(to.String(), f.encode(values)).
		With("Origin", base.Scheme+"://"+base.Host).With("Sec-Fetch-Site", "same-origin").With("Accept", "text/html").
		Sent()
}

func (f *form) encode(values url.Values) raw {
	if f.enctype != "multipart/form-data" {
		return raw{"application/x-www-form-urlencoded", []byte(values.Encode())}
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for name, all := range values {
		for _, value := range all {
			if err := parts.WriteField(name, value); err != nil {
				f.page.answer.fail("encode the form: %v", err)
			}
		}
	}
	if err := parts.Close(); err != nil {
		f.page.answer.fail("encode the form: %v", err)
	}
	return raw{parts.FormDataContentType(), body.Bytes()}
}
