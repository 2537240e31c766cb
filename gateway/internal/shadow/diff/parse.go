package diff

import (
	"errors"
	"fmt"
)

var errNoJSON = errors.New("not JSON")

// Bounds of what is parsed: a body of brackets alone could else cost far more memory
// than its length, and a stack of its depth.
const (
	maxDepth  = 256
	maxValues = 200_000
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// value is a JSON value as it was written: numbers keep their digits, objects the
// order of their members and those that come twice.
type value struct {
	kind  kind
	text  string // a number's or boolean's spelling, a string's content
	keys  []string
	items []value // an array's elements, an object's values
}

// parser is a strict parser of RFC 8259. encoding/json would forget members that
// come twice.
type parser struct {
	src    string
	at     int
	values int
}

// parse returns the value of a JSON text. It fails with ErrCost, or says where it is
// no JSON.
func parse(body []byte) (*value, error) {
	p := &parser{src: string(body)}
	p.space()
	var v value
	if err := p.value(&v, 0); err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.src) {
		return nil, p.wrong("more after the value")
	}
	return &v, nil
}

func (p *parser) wrong(what string) error {
	return fmt.Errorf("at byte %d: %s", p.at, what)
}

func (p *parser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek is the next byte, or 0, which no JSON text has outside of a string.
func (p *parser) peek() byte {
	if p.at < len(p.src) {
		return p.src[p.at]
	}
	return 0
}

func (p *parser) value(v *value, depth int) error {
	if p.values++; p.values > maxValues {
		return ErrCost
	}
	if depth > maxDepth {
		return p.wrong("nested too deep")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(v, depth)
	case c == '[':
		return p.array(v, depth)
	case c == '"':
		v.kind = text
		var err error
		v.text, err = p.string()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return p.number(v)
	}
	return p.literal(v)
}

func (p *parser) literal(v *value) error {
	for _, l := range [...]struct {
		text string
		kind kind
	}{{"null", null}, {"true", boolean}, {"false", boolean}} {
		if len(p.src)-p.at >= len(l.text) && p.src[p.at:p.at+len(l.text)] == l.text {
			v.kind, v.text = l.kind, l.text
			p.at += len(l.text)
			return nil
		}
	}
	return p.wrong("no value")
}

func (p *parser) array(v *value, depth int) error {
	v.kind = array
	p.at++
	if p.space(); p.peek() == ']' {
		p.at++
		return nil
	}
	for {
		v.items = append(v.items, value{})
		p.space()
		if err := p.value(&v.items[len(v.items)-1], depth+1); err != nil {
			return err
		}
		if more, err := p.more(']'); !more {
			return err
		}
	}
}

func (p *parser) object(v *value, depth int) error {
	v.kind = object
	p.at++
	if p.space(); p.peek() == '}' {
		p.at++
		return nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return p.wrong("no member name")
		}
		key, err := p.string()
		if err != nil {
			return err
		}
		if p.space(); p.peek() != ':' {
			return p.wrong("no colon")
		}
		p.at++
		p.space()
		v.keys, v.items = append(v.keys, key), append(v.items, value{})
		if err := p.value(&v.items[len(v.items)-1], depth+1); err != nil {
			return err
		}
		if more, err := p.more('}'); !more {
			return err
		}
	}
}

// more steps over a comma, or over the end.
func (p *parser) more(end byte) (bool, error) {
	p.space()
	switch p.peek() {
	case ',':
		p.at++
		return true, nil
	case end:
		p.at++
		return false, nil
	}
	return false, p.wrong("no comma or " + string(end))
}

func (p *parser) digits() int {
	n := 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
		n++
	}
	return n
}

func (p *parser) number(v *value) error {
	from := p.at
	if p.peek() == '-' {
		p.at++
	}
	zero := p.peek() == '0'
	if n := p.digits(); n == 0 || zero && n > 1 {
		return p.wrong("no number")
	}
	if p.peek() == '.' {
		p.at++
		if p.digits() == 0 {
			return p.wrong("no digits after the point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if p.digits() == 0 {
			return p.wrong("no exponent")
		}
	}
	v.kind, v.text = number, p.src[from:p.at]
	return nil
}
