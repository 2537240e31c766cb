package browsertest

import "github.com/stretchr/testify/assert"

// broken finds what a reader would stumble over, by looking at the page as laid out.
const broken = `(() => {
  const found = [];
  const name = (e) => e.tagName.toLowerCase() + "." + e.getAttribute("class") + " " + (e.textContent || "").trim().slice(0, 40);
  const seen = (e) => e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    found.push("the page is " + root.scrollWidth + " wide on a screen of " + root.clientWidth);
    for (const e of document.querySelectorAll("body *")) {
      if (seen(e) && e.getBoundingClientRect().right > root.clientWidth + 1) { found.push("  too wide: " + name(e)); break; }
    }
  }
  for (const e of document.querySelectorAll("input, textarea, select")) {
    if (!e.labels.length) found.push("no label: " + e.outerHTML.slice(0, 80));
  }
  for (const e of document.querySelectorAll("a, button, summary")) {
    if (!seen(e) || e.matches(".skip")) continue;
    if (!(e.textContent.trim() || e.getAttribute("aria-label"))) found.push("no name: " + e.outerHTML.slice(0, 80));
    const box = e.getBoundingClientRect();
    if (box.height < 16 && box.width > 1) found.push("too small to hit: " + name(e));
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push("twice: id " + id);
  if (document.querySelectorAll("h1").length !== 1) found.push("not one heading");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main part");
  for (const table of document.querySelectorAll("table")) {
    if (!table.querySelector("thead th[scope=col]")) found.push("no column headings: " + name(table));
    if (!table.querySelector("tbody th[scope=row]")) found.push("no row headings: " + name(table));
  }
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
  const told = new Set();
  const contrast = (e, colour, behind) => {
    const [a, b] = [light(colour), light(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), key = colour + "/" + behind;
    if (ratio < 4.5 && !told.has(key)) { told.add(key); found.push("contrast " + ratio.toFixed(2) + ": " + name(e)); }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walker.nextNode());) {
    const e = n.parentElement;
    if (!n.data.trim() || !seen(e) || e.closest(".unseen, .skip, title")) continue;
    const box = e.closest("g.box")?.querySelector("rect");
    if (e.closest("svg")) contrast(e, parse(getComputedStyle(e).fill), box ? parse(getComputedStyle(box).fill) : ground(e));
    else contrast(e, parse(getComputedStyle(e).color), ground(e));
  }
  const drawing = [...document.querySelectorAll("svg.drawing")].filter(seen);
  if (drawing.length !== 1) found.push(drawing.length + " pictures are seen");
  for (const box of drawing[0]?.querySelectorAll("g.box") ?? []) {
    const inner = box.querySelector("rect").getBoundingClientRect();
    for (const text of box.querySelectorAll("text")) {
      if (text.getBoundingClientRect().right > inner.right + 1) found.push("leaves its box: " + name(text));
    }
  }
  return found;
})()`

// fits checks the page as it is shown.
func (tb *tab) fits() {
	tb.t.Helper()
	assert.Empty(tb.t, eval[[]string](tb, broken), "on a %s", tb.look.name)
}
