package paging

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"banyan.dev/platform/problem"
)

// The bounds of a page's length.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Page asks for at most Limit items after the place that After names; an empty
// After is the beginning.
type Page struct {
	After string
	Limit int
}

// List is one page of items. Next is the cursor of the following page, empty at
// the end.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Place is where an item stands in a list: what the list is sorted by, and the id
// (a UUID) that decides between equals. Lists use Time or Rank, never both.
type Place struct {
	Time time.Time `json:"t,omitzero"`
	Rank float64   `json:"r,omitempty"`
	ID   string    `json:"i"`
}

// Cursor is the place as clients see it.
func (p Place) Cursor() string {
	b, _ := json.Marshal(p) // a struct of a time, a number and a string always encodes
	return base64.RawURLEncoding.EncodeToString(b)
}

// Start returns the place that the page starts after. ok is false for the first
// page; a cursor that none of our lists made is a Validation problem.
func (p Page) Start() (place Place, ok bool, err error) {
	if p.After == "" {
		return Place{}, false, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.After)
	if err == nil {
		err = json.Unmarshal(b, &place)
	}
	if err == nil {
		err = uuid.Validate(place.ID) // it goes into a query
	}
	if err != nil {
		var f problem.Fields
		f.Add("cursor", "%q is no cursor of this list: take the one named next in the page before", p.After)
		return Place{}, false, f.Err()
	}
	return place, true, nil
}

// Cut makes a page out of up to limit+1 items: the one too many shows that there
// is a next page, and is not shown itself.
func Cut[T any](items []T, limit int, place func(T) Place) List[T] {
	if items == nil {
		items = []T{} // a list is [] in JSON, never null
	}
	if len(items) <= limit {
		return List[T]{Items: items}
	}
	items = items[:limit]
	return List[T]{Items: items, Next: place(items[limit-1]).Cursor()}
}
