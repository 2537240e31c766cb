package diff

import (
	"bytes"
	"encoding/json"
	"strings"
)

// writer writes values as JSON text with secrets masked, until the limit is
// reached.
type writer struct {
	strings.Builder
	limit int
}

func (w *writer) full() bool { return w.Len() > w.limit }

func (w *writer) String() string { return Shorten(w.Builder.String(), w.limit) }

func (w *writer) value(v *value) {
	switch v.kind {
	case null:
		w.WriteString("null")
	case text:
		w.text(v.text)
	case array:
		w.list(v, '[', ']')
	case object:
		w.list(v, '{', '}')
	default:
		w.WriteString(v.text)
	}
}

func (w *writer) list(v *value, open, end byte) {
	w.WriteByte(open)
	for i := range v.items {
		if w.full() {
			return
		}
		if i > 0 {
			w.WriteByte(',')
		}
		if v.kind == object {
			w.text(v.keys[i])
			w.WriteByte(':')
			if IsSecret(v.keys[i]) {
				w.text(hiddenText)
				continue
			}
		}
		w.value(&v.items[i])
	}
	w.WriteByte(end)
}

// text writes a string. No more of it than can be shown is escaped.
func (w *writer) text(s string) {
	if len(s) > w.limit {
		s = s[:w.limit+1]
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // of a string, into memory, it can't fail
	w.Write(bytes.TrimSuffix(line.Bytes(), []byte{'\n'}))
}
