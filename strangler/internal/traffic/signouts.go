package traffic

import "sync"

// register knows where each user's session was last answered, and which sign-outs somebody expects. It is safe
// for concurrent use.
type register struct {
	mu           sync.Mutex
	homes        map[*user]string // of users who believe to be signed in
	excused      map[*user]bool   // whose session an ended expectation covers
	expectations map[*expectation]bool
}

type expectation struct {
	lives func(replica string) bool
	met   int
}

func newRegister() *register {
	return &register{homes: map[*user]string{}, excused: map[*user]bool{}, expectations: map[*expectation]bool{}}
}

// alive notes an answer that shows that the user's session lives, and who gave it. A public page shows nothing of
// that kind, so it moves nobody's home: after a replica's death its users first read elsewhere, and are
// found signed out only then.
func (r *register) alive(u *user, replica string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.homes[u] = replica
	delete(r.excused, u)
}

// left notes that the user signed out by intent.
func (r *register) left(u *user) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.homes, u)
	delete(r.excused, u)
}

// lost notes that the user was found signed out, and tells whether somebody expected it.
func (r *register) lost(u *user) (expected bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	expected = r.excused[u]
	for e := range r.expectations {
		if e.lives(r.homes[u]) {
			e.met++
			expected = true
		}
	}
	delete(r.homes, u)
	delete(r.excused, u)
	return expected
}

// expect begins an expectation; the function returned ends it. A session that it covers at its end stays excused until
// it is seen alive: its user may not have asked for anything since.
func (r *register) expect(lives func(replica string) bool) (stop func() int) {
	e := &expectation{lives: lives}
	r.mu.Lock()
	r.expectations[e] = true
	r.mu.Unlock()
	return func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.expectations[e] {
			return e.met
		}
		delete(r.expectations, e)
		for u, home := range r.homes {
			if lives(home) {
				r.excused[u] = true
			}
		}
		return e.met
	}
}
