package shadow

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"banyan.dev/gateway/internal/shadow/diff"
)

// Bounds of what is kept of a route's mismatches.
const (
	keptMismatches = 20
	keptBody       = 4 << 10 // bytes of each body
	keptTarget     = 1 << 10
	keptWithheld   = 20 // names
	keptName       = 64
)

// Mismatch is a request that two owners answered differently. It can be shown to
// whoever may see the application's answers: neither the client's credentials nor
// values of headers, members and parameters that are called like secrets are in it.
// What a body says of a person stays in its excerpt.
type Mismatch struct {
	// At is when the answers were compared.
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Target is path and query, with values of parameters that are called like
	// secrets masked.
	Target    string `json:"target"`
	RequestID string `json:"request_id,omitempty"`
	Baseline  Side   `json:"baseline"`
	Shadow    Side   `json:"shadow"`
	// Confirmed tells that both owners were asked once more and differed again.
	Confirmed bool `json:"confirmed"`
	// Withheld names the credentials the shadow did not get: "Authorization",
	// "Cookie session". They may be why the answers differ.
	Withheld    []string          `json:"withheld,omitempty"`
	Differences []diff.Difference `json:"differences"`
	// More tells that there are differences beyond those listed.
	More bool `json:"more,omitempty"`
	// Text is all of this as a unified diff, for people.
	Text string `json:"text"`
}

// Side is one of the two answers.
type Side struct {
	Owner   string `json:"owner"`
	Replica string `json:"replica"`
	Status  int    `json:"status"`
	// Body is the beginning of the body: JSON in one line with secrets masked,
	// another text as it is, of anything else only its length.
	Body string `json:"body,omitempty"`
	// Cut tells that Body is not all of it.
	Cut bool `json:"cut,omitempty"`
	// Size is the body's length in bytes, without content coding.
	Size int `json:"size"`
}

// text is the mismatch as a unified diff.
func (m *Mismatch) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n--- %s %d\n+++ %s %d\n", m.Method, m.Target, m.Baseline.name(), m.Baseline.Status, m.Shadow.name(), m.Shadow.Status)
	out.WriteString(diff.Text(m.Differences, m.More))
	if len(m.Withheld) > 0 {
		fmt.Fprintf(&out, "The shadow did not get: %s\n", strings.Join(m.Withheld, ", "))
	}
	return out.String()
}

func (s *Side) name() string { return s.Owner + "/" + s.Replica }

// kept is a route's last mismatches.
type kept struct {
	mu   sync.Mutex
	last []Mismatch // the oldest first
}

func (k *kept) add(m Mismatch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.last) == keptMismatches {
		k.last = slices.Delete(k.last, 0, 1)
	}
	k.last = append(k.last, m)
}

// list returns them, the newest first.
func (k *kept) list() []Mismatch {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := slices.Clone(k.last)
	slices.Reverse(out)
	return out
}

// maskTarget is a request's target without the values of parameters that are called
// like secrets.
func maskTarget(target []byte) string {
	path, query, found := bytes.Cut(target, []byte{'?'})
	if !found {
		return diff.Shorten(string(path), keptTarget)
	}
	var out strings.Builder
	out.Write(path)
	mark := byte('?')
	for len(query) > 0 {
		var pair []byte
		pair, query = cutPair(query)
		out.WriteByte(mark)
		mark = '&'
		name, _, hasValue := bytes.Cut(pair, []byte{'='})
		if plain := unescaped(name); hasValue && (speaksInQuery(plain) || diff.IsSecret(plain) || plain == "state") {
			out.Write(name)
			out.WriteString("=(hidden)")
			continue
		}
		out.Write(pair)
	}
	return diff.Shorten(out.String(), keptTarget)
}
