package diff

import (
	"math/big"
	"strconv"
	"strings"
)

// Rules say what in JSON bodies may differ. They are safe for concurrent use.
type Rules struct{ top *rule }

// rule is what holds at one place, and below it.
type rule struct {
	children  map[string]*rule
	any       *rule // the token *
	ignore    bool
	unordered bool
	tolerance *big.Rat
}

// NewRules makes rules of JSON Pointers. tolerate gives by how much, absolutely, a
// number may be off. A pointer that is malformed, or a tolerance that is no number
// above zero, names nothing: check pointers with CheckPointer.
func NewRules(ignore, unordered []string, tolerate map[string]float64) *Rules {
	r := &Rules{top: &rule{}}
	for _, p := range ignore {
		r.set(p, func(at *rule) { at.ignore = true })
	}
	for _, p := range unordered {
		r.set(p, func(at *rule) { at.unordered = true })
	}
	for p, by := range tolerate {
		// By its shortest decimals: the file's 0.01 is meant, not the float next to it.
		exact, ok := new(big.Rat).SetString(strconv.FormatFloat(by, 'g', -1, 64))
		if ok && exact.Sign() > 0 {
			r.set(p, func(at *rule) { at.tolerance = exact })
		}
	}
	return r
}

// CheckPointer tells whether p is a JSON Pointer: "" for the whole, or reference
// tokens with / before each, in which ~0 stands for ~ and ~1 for /.
func CheckPointer(p string) bool {
	_, ok := tokens(p)
	return ok
}

func (r *Rules) set(pointer string, mark func(*rule)) {
	path, ok := tokens(pointer)
	if !ok {
		return
	}
	at := r.top
	for _, token := range path {
		at = at.child(token)
	}
	mark(at)
}

func (r *rule) child(token string) *rule {
	if token == "*" {
		if r.any == nil {
			r.any = &rule{}
		}
		return r.any
	}
	if r.children == nil {
		r.children = map[string]*rule{}
	}
	if r.children[token] == nil {
		r.children[token] = &rule{}
	}
	return r.children[token]
}

func tokens(pointer string) ([]string, bool) {
	if pointer == "" {
		return nil, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	path := strings.Split(pointer[1:], "/")
	for i, token := range path {
		for j := range len(token) {
			if token[j] == '~' && (j+1 == len(token) || token[j+1] != '0' && token[j+1] != '1') {
				return nil, false
			}
		}
		path[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return path, true
}

// scope is the rules that may hold at a place or below it: more than one, because a
// place may be named by its key and by *. Most places have none.
type scope []*rule

func (r *Rules) root() scope {
	if t := r.top; !t.ignore && !t.unordered && t.tolerance == nil && t.any == nil && t.children == nil {
		return nil
	}
	return scope{r.top}
}

// down is the scope of a member or element.
func (s scope) down(token string) scope {
	var below scope
	for _, r := range s {
		if c := r.children[token]; c != nil {
			below = append(below, c)
		}
		if r.any != nil {
			below = append(below, r.any)
		}
	}
	return below
}

// at is down of an index.
func (s scope) at(index int) scope {
	if len(s) == 0 {
		return nil
	}
	return s.down(strconv.Itoa(index))
}

func (s scope) ignores() bool {
	for _, r := range s {
		if r.ignore {
			return true
		}
	}
	return false
}

func (s scope) unordered() bool {
	for _, r := range s {
		if r.unordered {
			return true
		}
	}
	return false
}

// tolerance is the largest that is allowed here, or nil.
func (s scope) tolerance() *big.Rat {
	var most *big.Rat
	for _, r := range s {
		if r.tolerance != nil && (most == nil || r.tolerance.Cmp(most) > 0) {
			most = r.tolerance
		}
	}
	return most
}

func (r *rule) tolerant() bool {
	if r.tolerance != nil || r.any != nil && r.any.tolerant() {
		return true
	}
	for _, c := range r.children {
		if c.tolerant() {
			return true
		}
	}
	return false
}
