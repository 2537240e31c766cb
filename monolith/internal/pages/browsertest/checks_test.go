package browsertest

import (
	"strings"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hear notes what a browser complains of: a script that fails, a style or script
// that the content security policy refuses, a picture that is not there. That a page
// was answered 4xx is what some tests are about.
func (tb *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		assert.Fail(tb.t, "a script failed", "%+v", e.ExceptionDetails)
	case *log.EventEntryAdded:
		aboutPage := strings.HasPrefix(e.Entry.Text, "Failed to load resource") && !strings.Contains(e.Entry.URL, "/static/")
		if e.Entry.Level == log.EntryLevelError && !aboutPage {
			assert.Fail(tb.t, "the browser complains", "%s: %s", e.Entry.URL, e.Entry.Text)
		}
	}
}

// broken finds what a reader would stumble over, by looking at the page as laid out.
const broken = `(() => {
  const found = [];
  const name = (e) => e.tagName.toLowerCase() + (e.className && e.className.baseVal === undefined ? "." + e.className : "") + " " + (e.textContent || "").trim().slice(0, 40);
  const seen = (e) => e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    found.push("the page is " + root.scrollWidth + " wide on a screen of " + root.clientWidth);
    for (const e of document.querySelectorAll("body *")) {
      if (e.getBoundingClientRect().right > root.clientWidth + 1) { found.push("  too wide: " + name(e)); break; }
    }
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), textarea:not([hidden]), select")) {
    if (!e.labels.length) found.push("no label: " + e.outerHTML.slice(0, 80));
  }
  for (const e of document.querySelectorAll("a, button, summary")) {
    if (!seen(e)) continue;
    if (!(e.textContent.trim() || e.getAttribute("aria-label"))) found.push("no name: " + e.outerHTML.slice(0, 80));
    const box = e.getBoundingClientRect();
    if (box.height < 16 && box.width > 1) found.push("too small to hit: " + name(e));
  }
  for (const e of document.querySelectorAll("img")) {
    if (!e.hasAttribute("alt")) found.push("no alternative text: " + e.src);
    if (e.complete && !e.naturalWidth) found.push("no picture: " + e.src);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push("twice: id " + id);
  if (document.querySelectorAll("h1").length < 1) found.push("no heading");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main part");
  const light = (c) => {
    const v = c.map((x) => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
  };
  const parse = (s) => (s.match(/[\d.]+/g) || []).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0.9) return c;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  for (let n; (n = walker.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !seen(e) || e.closest(".unseen, .skip, [aria-hidden], svg")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    const key = style.color + ground(e);
    if (ratio < (large ? 3 : 4.5) && !told.has(key)) {
      told.add(key);
      found.push("contrast " + ratio.toFixed(2) + ": " + name(e));
    }
  }
  return found;
})()`

// fits checks the page as it is shown.
func (tb *tab) fits() {
	tb.t.Helper()
	found, err := chromedp.Run(tb.ctx, chromedp.EvaluateAsDevTools[[]string](broken))
	require.NoError(tb.t, err)
	assert.Empty(tb.t, found, "at %s, on a %s", tb.path(), tb.look.name)
}
