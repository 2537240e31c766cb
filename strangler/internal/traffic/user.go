package traffic

import (
	"fmt"
	"math/rand/v2"
	"net/http/cookiejar"
	"strings"
	"sync"
)

// user is one simulated person with an account, a cookie jar and things they wrote. Whoever lets the user act holds
// mu: a person does one thing at a time.
type user struct {
	mu       sync.Mutex
	rnd      *rand.Rand
	jar      *cookiejar.Jar
	id       string // empty before the account exists
	name     string
	email    string
	password string
	author   bool
	signedIn bool // what the user believes

	posts    []ownPost
	comments []ownComment
}

// ownPost is a post the user wrote and may still write to. One whose last write has an unknown outcome is dropped, so that the
// ledger's check can know what must be there.
type ownPost struct {
	id        string
	slug      string
	title     string
	tags      []string
	published bool
	version   int64
	marker    string
}

// ownComment is the same of a comment.
type ownComment struct {
	id      string
	post    string
	version int64
	marker  string
}

// newUser makes the n-th of a crowd. One in four wants to write posts, the first among them, so that somebody does.
func newUser(n int, seed int64, tag string) (*user, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	rnd := rand.New(rand.NewPCG(uint64(seed), uint64(n)+1))
	name := personName(rnd)
	return &user{
		rnd:      rnd,
		jar:      jar,
		name:     name,
		email:    fmt.Sprintf("%s.%s%d@example.org", strings.ToLower(strings.ReplaceAll(name, " ", ".")), tag, n),
		password: fmt.Sprintf("a fig tree %s %d", tag, n),
		author:   n%4 == 0,
	}, nil
}

// pick takes one of a list, and its place; false if there is none.
func pick[T any](rnd *rand.Rand, from []T) (int, T, bool) {
	if len(from) == 0 {
		var none T
		return 0, none, false
	}
	i := rnd.IntN(len(from))
	return i, from[i], true
}
