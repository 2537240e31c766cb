package seed

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// teller fills phrases with the words of one topic. Within one text the thing and
// the other thing stay the same, or it would be about nothing.
// It draws sentences from decks, so that none comes twice before all have come.
type teller struct {
	chance
	topic            topic
	thing, other     string
	sentences, facts *deck
}

func tell(c chance, t topic) teller {
	two := some(c, 2, t.things)
	return teller{c, t, two[0], two[1], &deck{all: sentences}, &deck{all: t.facts}}
}

// deck is phrases in a chance order.
type deck struct {
	all, left []string
}

func (d *deck) draw(c chance) string {
	if len(d.left) == 0 {
		d.left = some(c, len(d.all), d.all)
	}
	top := d.left[0]
	d.left = d.left[1:]
	return top
}

func (t teller) fill(phrase string) string {
	return strings.NewReplacer(
		"{thing}", t.thing, "{other}", t.other, "{doing}", of(t.chance, t.topic.doings),
		"{name}", of(t.chance, firstNames), "{n}", fmt.Sprint(t.between(3, 40)),
	).Replace(phrase)
}

func (t teller) title() string { return upper(t.fill(of(t.chance, titles))) }

// markdown is a whole post.
func (t teller) markdown() string {
	parts := []string{t.fill(of(t.chance, openings)) + " " + t.paragraph()}
	for _, heading := range some(t.chance, t.between(2, 3), headings) {
		parts = append(parts, "## "+upper(t.fill(heading)))
		for range t.between(1, 2) {
			parts = append(parts, t.paragraph())
		}
		if extra := t.extra(); extra != "" {
			parts = append(parts, extra)
		}
	}
	parts = append(parts, t.fill(of(t.chance, closings)))
	return strings.Join(parts, "\n\n") + "\n"
}

// paragraph is a few sentences, one of them about the topic itself.
func (t teller) paragraph() string {
	said := make([]string, t.between(2, 4))
	for i := range said {
		said[i] = t.sentences.draw(t.chance)
	}
	said[t.IntN(len(said))] = t.facts.draw(t.chance)
	return upper(t.fill(strings.Join(said, " ")))
}

// extra is what makes a page look like one: a list, code, a quote, a link.
func (t teller) extra() string {
	switch n := t.IntN(10); {
	case n < 3:
		return t.fill("- " + strings.Join(of(t.chance, lists), "\n- "))
	case n < 4:
		return t.fill(of(t.chance, quotes))
	case n < 6:
		return t.fill(of(t.chance, links))
	case n < 8 && len(t.topic.code) > 0:
		return of(t.chance, t.topic.code)
	}
	return ""
}

// upper begins a sentence.
func upper(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
