package diff

import (
	"strconv"
	"unicode/utf8"
)

// string reads a string. Without escapes it is a part of the source.
func (p *parser) string() (string, error) {
	p.at++
	from := p.at
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c == '"':
			p.at++
			return p.src[from : p.at-1], nil
		case c == '\\':
			return p.escaped([]byte(p.src[from:p.at]))
		case c < ' ':
			return "", p.wrong("a control character in a string")
		}
		p.at++
	}
	return "", p.wrong("a string without end")
}

// escaped goes on with a string from its first escape.
func (p *parser) escaped(out []byte) (string, error) {
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < ' ':
			return "", p.wrong("a control character in a string")
		case c != '\\':
			out = append(out, c)
			p.at++
			continue
		}
		var err error
		if out, err = p.escape(out); err != nil {
			return "", err
		}
	}
	return "", p.wrong("a string without end")
}

func (p *parser) escape(out []byte) ([]byte, error) {
	p.at++
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return p.unicode(out)
	}
	p.at--
	return nil, p.wrong("no such escape")
}

func (p *parser) unicode(out []byte) ([]byte, error) {
	r, ok := p.hex()
	if !ok {
		return nil, p.wrong("no four hex digits")
	}
	if r >= 0xd800 && r < 0xdc00 && p.at+1 < len(p.src) && p.src[p.at] == '\\' && p.src[p.at+1] == 'u' {
		back := p.at
		p.at += 2
		if low, ok := p.hex(); ok && low >= 0xdc00 && low < 0xe000 {
			return utf8.AppendRune(out, (r-0xd800)<<10|(low-0xdc00)+0x10000), nil
		}
		p.at = back
	}
	if r >= 0xd800 && r < 0xe000 {
		// Half a pair is no character. Two different halves stay different, as the
		// three bytes UTF-8 would have for them.
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf), nil
	}
	return utf8.AppendRune(out, r), nil
}

func (p *parser) hex() (rune, bool) {
	if len(p.src)-p.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(p.src[p.at:p.at+4], 16, 32)
	if err != nil {
		return 0, false
	}
	p.at += 4
	return rune(n), true
}
