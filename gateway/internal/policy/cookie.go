package policy

import (
	"bytes"
	"iter"
)

// each yields the name and the value of each cookie in a Cookie header's value
// (RFC 6265, section 5.4), lenient as servers are: blanks around a pair don't
// count, a pair without = has no name.
func each(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for len(header) > 0 {
			var pair []byte
			pair, header, _ = bytes.Cut(header, []byte{';'})
			name, value, ok := bytes.Cut(pair, []byte{'='})
			if !ok {
				continue
			}
			if !yield(trimBlank(name), trimBlank(value)) {
				return
			}
		}
	}
}

// trimBlank takes off what may surround a pair. What else Unicode calls a blank is
// part of a name or value to the servers behind.
func trimBlank(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// cookieOf returns the first cookie of that name.
func cookieOf(headers [][]byte, name []byte) ([]byte, bool) {
	for _, header := range headers {
		for n, v := range each(header) {
			if bytes.Equal(n, name) {
				return v, true
			}
		}
	}
	return nil, false
}

// bareName takes the prefix off that binds a cookie to HTTPS.
func bareName(name []byte) (bare []byte, prefixed bool) {
	for _, prefix := range [...]string{"__Host-", "__Secure-"} {
		if len(name) > len(prefix) && string(name[:len(prefix)]) == prefix {
			return name[len(prefix):], true
		}
	}
	return name, false
}

// AppendForeignCookies appends a Cookie header's value without the gateway's own
// cookies. It appends nothing when none is left.
func (t *Table) AppendForeignCookies(dst, header []byte) []byte {
	if !t.mentionsOwn(header) {
		return append(dst, header...)
	}
	begin := len(dst)
	for pair := range bytes.SplitSeq(header, []byte{';'}) {
		pair = trimBlank(pair)
		name, _, _ := bytes.Cut(pair, []byte{'='})
		if len(pair) == 0 || t.isOwn(trimBlank(name)) {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, "; "...)
		}
		dst = append(dst, pair...)
	}
	return dst
}

func (t *Table) mentionsOwn(header []byte) bool {
	for _, own := range t.cookies {
		if bytes.Contains(header, own) {
			return true
		}
	}
	return false
}

func (t *Table) isOwn(name []byte) bool {
	for _, own := range t.cookies {
		if bytes.Equal(name, own) {
			return true
		}
	}
	return false
}
