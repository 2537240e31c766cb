package pages

import (
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/microcosm-cc/bluemonday"

	"banyan.dev/features/contracts"
)

// functions are what templates may call.
func functions(a *assets) template.FuncMap {
	marked := bluemonday.StrictPolicy()
	marked.AllowElements("mark")
	return template.FuncMap{
		"asset":  a.path,
		"logo":   a.logo,
		"key":    contracts.NewID,
		"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		"moment": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"path":   postPath,
		"plural": plural,
		"short":  short,
		// What authors wrote is sanitised where it is rendered, in posts and comments.
		"rendered": func(s string) template.HTML { return template.HTML(s) },
		// A search's highlight is escaped by the database's query; it is cleaned once
		// more because it comes as a string that any store may have made.
		"marked":  func(s string) template.HTML { return template.HTML(marked.Sanitize(s)) },
		"initial": initial,
		"fault":   faultOf,
		"invalid": invalid,
		"device":  device,
		"dict":    dict,
	}
}

// reserved are last parts of addresses that are no slug.
func reserved() []string { return []string{"edit", "delete"} }

// postPath is a post's address for people.
func postPath(id, slug string) string {
	if slices.Contains(reserved(), slug) {
		slug += "-"
	}
	return "/posts/" + id + "/" + url.PathEscape(slug)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// short is the beginning of a text on one line.
func short(s string, limit int) string {
	runes := []rune(strings.Join(strings.Fields(s), " "))
	if len(runes) <= limit {
		return string(runes)
	}
	return strings.TrimRightFunc(string(runes[:limit]), unicode.IsSpace) + "…"
}

// initial is the letter that stands for a person.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

// dict makes one argument for a part out of several.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}
