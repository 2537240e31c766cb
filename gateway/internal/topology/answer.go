package topology

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Answer is what a replica says of itself.
type Answer struct {
	Host    string
	Name    string // of the replica
	Version string
	Uses    []Use
}

// Use is something that an owner works with.
type Use struct {
	Kind    string   `json:"kind"` // postgres, redis, kafka, mail or http
	Name    string   `json:"name"`
	Address string   `json:"address"` // without credentials
	Topics  []string `json:"topics"`
}

// Bounds of what is believed.
const (
	longestAnswer = 64 << 10
	longestText   = 120 // characters
	mostUses      = 32
	mostTopics    = 64
)

// errKind says that an answer uses something without saying what.
var errKind = errors.New("each of uses needs a kind and a name")

// parse reads an answer. Fields that it doesn't know are the owner's own affair.
func parse(body io.Reader) (Answer, error) {
	text, err := io.ReadAll(io.LimitReader(body, longestAnswer+1))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if len(text) > longestAnswer {
		return Answer{}, fmt.Errorf("the answer is longer than %d bytes", longestAnswer)
	}
	var told struct {
		Host    string `json:"host"`
		Name    string `json:"name"`
		Replica string `json:"replica"` // as some call it
		Version string `json:"version"`
		Uses    []Use  `json:"uses"`
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return Answer{}, fmt.Errorf("the answer is no such JSON: %w", err)
	}
	a := Answer{Host: plain(told.Host), Name: plain(cmp.Or(told.Name, told.Replica)), Version: plain(told.Version)}
	for _, u := range told.Uses[:min(len(told.Uses), mostUses)] {
		if u.Kind == "" || u.Name == "" {
			return Answer{}, errKind
		}
		a.Uses = append(a.Uses, u.plain())
	}
	return a, nil
}

func (u Use) plain() Use {
	out := Use{Kind: plain(u.Kind), Name: plain(u.Name), Address: plain(withoutUser(u.Address))}
	for _, topic := range u.Topics[:min(len(u.Topics), mostTopics)] {
		out.Topics = append(out.Topics, plain(topic))
	}
	return out
}

// withoutUser cuts "user:password@" off an address, and a query, which may hold a
// password too.
func withoutUser(address string) string {
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		scheme, rest = "", address
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if isURL {
		return scheme + "://" + rest
	}
	return rest
}

// plain keeps what can be shown on a line.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > longestText {
		return string(runes[:longestText-1]) + "…"
	}
	return s
}
