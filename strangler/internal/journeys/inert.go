package journeys

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// hostile is what somebody writes who wants a reader's browser to run it: an honest
// line among tricks of the trade.
const hostile = `An honest line.

<script>alert(1)</script>
<img src=x onerror=alert(1)>
<svg/onload=alert(1)>
<a href="javascript:alert(1)">raw link</a>
[markdown link](javascript:alert(1))
![markdown picture](javascript:alert(1))
<iframe src="javascript:alert(1)"></iframe>
<form action="https://evil.example"><input name=q></form>
<style>body{background:url(https://evil.example)}</style>
<base href="https://evil.example/">
`

// foreign are elements that nobody's text has a use for.
var foreign = []string{"script", "iframe", "object", "embed", "form", "style", "base", "svg", "meta", "link"}

// mustBeInert parses rendered text, as a browser would, and ends the journey when
// something in it could run or reach out.
func mustBeInert(s *Story, what, fragment string) {
	root, err := html.Parse(strings.NewReader("<body>" + fragment))
	if err != nil {
		s.Fail("%s is no HTML: %w", what, err)
	}
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		if slices.Contains(foreign, node.Data) {
			s.Fail("%s has a <%s> that its writer put there: %s", what, node.Data, fragment)
		}
		mustHaveInertAttributes(s, what, node)
	}
}

// mustRunNothing is the same for a whole page, which has scripts of its own.
func (pg *page) mustRunNothing() {
	s := pg.by.story
	for node := range pg.root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		if node.Data == "script" && node.FirstChild != nil && strings.Contains(node.FirstChild.Data, "alert(1)") {
			s.Fail("the page %s has a script that a writer put there", pg.answer.call.path)
		}
		mustHaveInertAttributes(s, "the page "+pg.answer.call.path, node)
	}
}

func mustHaveInertAttributes(s *Story, what string, node *html.Node) {
	for _, a := range node.Attr {
		value := strings.ToLower(strings.TrimSpace(a.Val))
		if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(value, "javascript:") {
			s.Fail("%s has <%s %s=%q>", what, node.Data, a.Key, a.Val)
		}
	}
}
