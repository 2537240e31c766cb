package diff

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// ErrCost says that two bodies have too many values, or differ in too tangled a way,
// to be compared with a bounded effort.
var ErrCost = errors.New("comparing the bodies would take too long")

// Answer is what counts of an HTTP answer.
type Answer struct {
	Status int
	// Headers are those to compare, in the same order on both sides, without those
	// that the answer doesn't have.
	Headers []Header
	// Body is without content coding.
	Body []byte
}

// Header is a header of an answer; several lines of one name are joined.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Mode is how bodies are compared.
type Mode uint8

// The modes.
const (
	// JSON compares the values if both bodies are JSON, and the bytes if neither is.
	JSON Mode = iota
	Bytes
	// None leaves the bodies out.
	None
)

// Part is what of an answer differs.
type Part string

// The parts.
const (
	Status   Part = "status"
	InHeader Part = "header"
	Body     Part = "body"
)

// Kind is how something differs.
type Kind string

// The kinds.
const (
	Changed Kind = "changed"
	Missing Kind = "missing" // only the baseline has it
	Extra   Kind = "extra"   // only the shadow has it
	// Order: an array has the same elements in another order.
	Order Kind = "order"
)

// Difference is one difference between two answers.
type Difference struct {
	Part Part `json:"part"`
	// Path is the header's name, or the JSON Pointer to a value: "" is the whole
	// body. An index counts in the baseline's array, of something extra in the
	// shadow's. A very long one is shortened.
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// Baseline and Shadow are the two values as JSON text, or as they are if they
	// are none; shortened, with secrets masked, and "" for what isn't there.
	Baseline string `json:"baseline,omitempty"`
	Shadow   string `json:"shadow,omitempty"`
}

// listed is how many differences are told of two answers.
const listed = 50

// Result is how two answers compare.
type Result struct {
	Differences []Difference
	// More tells that there are more than those listed.
	More bool
}

// Same tells whether the answers are the same.
func (r Result) Same() bool { return len(r.Differences) == 0 }

// Compare compares two answers under the rules. Bodies are not looked at when the
// status differs: then they tell about two different events. ErrCost says that they
// are beyond what is compared. It is safe for concurrent use.
func (r *Rules) Compare(baseline, shadow Answer, mode Mode) (Result, error) {
	var out Result
	if baseline.Status != shadow.Status {
		out.Differences = append(out.Differences, Difference{
			Part: Status, Kind: Changed, Baseline: status(baseline.Status), Shadow: status(shadow.Status),
		})
	}
	out.Differences = append(out.Differences, compareHeaders(baseline.Headers, shadow.Headers)...)
	if mode == None || baseline.Status != shadow.Status || bytes.Equal(baseline.Body, shadow.Body) {
		return out, nil
	}
	if mode == JSON {
		body, err := r.compareJSON(baseline.Body, shadow.Body)
		if !errors.Is(err, errNoJSON) {
			out.Differences = append(out.Differences, body.Differences...)
			out.More = body.More
			return out, err
		}
	}
	out.Differences = append(out.Differences, compareBytes(baseline.Body, shadow.Body))
	return out, nil
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

func compareHeaders(baseline, shadow []Header) []Difference {
	var out []Difference
	for _, b := range baseline {
		value, ok := valueOf(shadow, b.Name)
		switch {
		case !ok:
			out = append(out, Difference{Part: InHeader, Path: b.Name, Kind: Missing, Baseline: showHeader(b.Name, b.Value)})
		case value != b.Value:
			out = append(out, Difference{Part: InHeader, Path: b.Name, Kind: Changed,
				Baseline: showHeader(b.Name, b.Value), Shadow: showHeader(b.Name, value)})
		}
	}
	for _, s := range shadow {
		if _, ok := valueOf(baseline, s.Name); !ok {
			out = append(out, Difference{Part: InHeader, Path: s.Name, Kind: Extra, Shadow: showHeader(s.Name, s.Value)})
		}
	}
	return out
}

func valueOf(headers []Header, name string) (string, bool) {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value, true
		}
	}
	return "", false
}

// compareJSON compares two JSON texts. errNoJSON says that neither is one.
func (r *Rules) compareJSON(baseline, shadow []byte) (Result, error) {
	a, errA := parse(baseline)
	b, errB := parse(shadow)
	switch {
	case errors.Is(errA, ErrCost) || errors.Is(errB, ErrCost):
		return Result{}, ErrCost
	case errA != nil && errB != nil:
		return Result{}, errNoJSON
	case errA != nil || errB != nil:
		d := compareBytes(baseline, shadow)
		d.Baseline, d.Shadow = noJSON(d.Baseline, errA), noJSON(d.Shadow, errB)
		return Result{Differences: []Difference{d}}, nil
	}
	c := newComparer(listed)
	c.value(r.root(), nil, a, b)
	if c.budget.exhausted() {
		return Result{}, ErrCost
	}
	return Result{Differences: c.out, More: c.more}, nil
}

// noJSON says of a body that it is none, where the other one is.
func noJSON(shown string, err error) string {
	if err == nil {
		return shown
	}
	return "no JSON (" + err.Error() + "): " + shown
}
