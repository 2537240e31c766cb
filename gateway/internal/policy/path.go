package policy

import (
	"bytes"
	"errors"
)

// ErrAmbiguous is a path that two readers could understand differently: an encoded
// slash or backslash, a dot segment or an empty one with a parameter, a broken escape,
// a control character, a character in more bytes of UTF-8 than it needs. It is
// refused with 400 rather than guessed at.
var ErrAmbiguous = errors.New("the path can be read in more than one way; send it without encoded slashes, backslashes, broken escapes and dot segments with parameters")

// Canonical returns the one spelling of a path that is both routed and forwarded:
// escapes of unreserved characters undone, other escapes in capitals, empty and
// dot segments resolved (RFC 3986, section 6.2.2). A path already canonical comes
// back as it is; else it is built in dst, whose old content is overwritten.
func Canonical(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '/' {
		return nil, ErrAmbiguous
	}
	if isCanonical(raw) {
		return raw, nil
	}
	decoded, err := decode(dst[:0], raw)
	if err != nil {
		return nil, err
	}
	return resolveDots(decoded)
}

// plain marks the bytes that need no second look.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c < 0x7f && !bytes.ContainsRune([]byte(`%\#?;/`), rune(c))
	}
	return t
}()

func isCanonical(p []byte) bool {
	for i, c := range p {
		if plain[c] {
			if c == '.' && p[i-1] == '/' {
				return false // perhaps a dot segment, perhaps .well-known: the slow way tells
			}
			continue
		}
		if c != '/' || i > 0 && p[i-1] == '/' {
			return false
		}
	}
	return true
}

func decode(dst, raw []byte) ([]byte, error) {
	before := byte(0)
	for i := 0; i < len(raw); i++ {
		c, escaped := raw[i], raw[i] == '%'
		if escaped {
			if i+2 >= len(raw) {
				return nil, ErrAmbiguous
			}
			hi, lo := unhex(raw[i+1]), unhex(raw[i+2])
			if hi < 0 || lo < 0 {
				return nil, ErrAmbiguous
			}
			c = byte(hi<<4 | lo)
			i += 2
		}
		if isOverlong(before, c) {
			return nil, ErrAmbiguous
		}
		before = c
		switch {
		case escaped:
			var err error
			if dst, err = appendEscaped(dst, c); err != nil {
				return nil, err
			}
		case c <= ' ' || c == 0x7f || c == '\\' || c == '#' || c == '?':
			return nil, ErrAmbiguous
		case c >= 0x80:
			dst = appendHex(dst, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// isOverlong finds the first two bytes of a character in more bytes than it needs
// (RFC 3629, section 10): a lenient reader takes C0 AF for a slash.
func isOverlong(first, second byte) bool {
	switch first {
	case 0xc0, 0xc1:
		return second >= 0x80 && second <= 0xbf
	case 0xe0:
		return second >= 0x80 && second <= 0x9f
	case 0xf0:
		return second >= 0x80 && second <= 0x8f
	}
	return false
}

func appendEscaped(dst []byte, c byte) ([]byte, error) {
	switch {
	case c == '/' || c == '\\' || c < ' ' || c == 0x7f:
		return nil, ErrAmbiguous
	case isUnreserved(c):
		return append(dst, c), nil
	default:
		return appendHex(dst, c), nil
	}
}

func appendHex(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

func isUnreserved(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '.' || c == '_' || c == '~'
}

// resolveDots works in place: what it writes is never longer than what it read.
func resolveDots(p []byte) ([]byte, error) {
	w := 0
	for r := 0; r < len(p); {
		end := bytes.IndexByte(p[r+1:], '/')
		last := end < 0
		if last {
			end = len(p)
		} else {
			end += r + 1
		}
		segment := p[r+1 : end]
		r = end
		name, _, parameters := bytes.Cut(segment, []byte{';'})
		nothing := len(name) == 0 || string(name) == "." || string(name) == ".."
		switch {
		case nothing && parameters:
			return nil, ErrAmbiguous
		case nothing:
			if len(name) == 2 {
				w = max(bytes.LastIndexByte(p[:w], '/'), 0)
			}
			if last {
				p[w] = '/'
				w++
			}
		default:
			p[w] = '/'
			w += 1 + copy(p[w+1:], segment)
		}
	}
	return p[:w], nil
}

// internal are the first segments that belong to operators: an owner answers them
// on its own port, and nobody outside asks for them.
var internal = [...]string{"livez", "readyz", "metrics", "internal", "debug", "_strangler"}

// IsInternal tells whether a canonical path is one that is never routed from
// outside. Capitals and path parameters make no difference: some servers ignore
// both, and some the difference between ; and %3B.
func IsInternal(path []byte) bool {
	first := path[1:]
	if i := bytes.IndexAny(first, "/;"); i >= 0 {
		first = first[:i]
	}
	if i := bytes.Index(first, []byte("%3B")); i >= 0 {
		first = first[:i]
	}
	for _, name := range internal {
		if len(first) == len(name) && bytes.EqualFold(first, []byte(name)) {
			return true
		}
	}
	return false
}
