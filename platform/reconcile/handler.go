package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"banyan.dev/platform/ownership/remote"
)

// questionLimit bounds a question in bytes: MaxRanges with both ends.
const questionLimit = 1 << 20

// patience bounds an answer, as settings bound its statements.
const patience = 5 * time.Minute

// question is what a side is asked; each endpoint uses its own fields.
type question struct {
	Ranges []Range  `json:"ranges,omitempty"`
	Rows   int      `json:"rows,omitempty"`
	Kind   string   `json:"kind,omitempty"`
	Places []string `json:"places,omitempty"`
	Wants  []Want   `json:"wants,omitempty"`
}

// Handler answers for a side under /reconcile/{resource}/: kinds, split, digests,
// rows, find, and repair, each a POST. repairer may be nil, where this host never
// owns the resource. Rows are people's words, digested: mount it on the admin port
// only, behind httpkit.Bearer, without stripping the path:
//
//	admin.Group("/reconcile/comments", httpkit.Bearer(token)).Any("/*", echo.WrapHandler(handler))
//
// A digest of many rows keeps one connection to the database busy for as long as it
// lasts; a comparison asks one at a time, unless it is told otherwise.
func Handler(source Source, repairer Repairer) http.Handler {
	mux := http.NewServeMux()
	handle := func(name string, answer func(ctx context.Context, q question) (any, error)) {
		mux.HandleFunc("POST /reconcile/{resource}/"+name, func(w http.ResponseWriter, r *http.Request) { serve(w, r, answer) })
	}
	handle("kinds", func(ctx context.Context, _ question) (any, error) { return source.Kinds(ctx) })
	handle("split", func(ctx context.Context, q question) (any, error) { return source.Split(ctx, q.Ranges, q.Rows) })
	handle("digests", func(ctx context.Context, q question) (any, error) { return source.Digests(ctx, q.Ranges) })
	handle("rows", func(ctx context.Context, q question) (any, error) { return source.Rows(ctx, q.Ranges) })
	handle("find", func(ctx context.Context, q question) (any, error) { return source.Find(ctx, q.Kind, q.Places) })
	if repairer != nil {
		handle("repair", func(ctx context.Context, q question) (any, error) { return repairer.Repair(ctx, q.Wants) })
	}
	return mux
}

func serve(w http.ResponseWriter, r *http.Request, answer func(ctx context.Context, q question) (any, error)) {
	q, err := readQuestion(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// A host's server ends what takes longer than a user waits, and a context with it.
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Time{}) // where it can't be set there is none
	_ = deadline.SetWriteDeadline(time.Now().Add(patience))
	value, err := answer(r.Context(), q)
	if err != nil {
		remote.WriteError(w, err)
		return
	}
	body, err := json.Marshal(value)
	if err != nil {
		remote.WriteError(w, fmt.Errorf("write the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the asker has gone; it asks again
}

func readQuestion(w http.ResponseWriter, r *http.Request) (q question, err error) {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, questionLimit))
	body.DisallowUnknownFields()
	if err := body.Decode(&q); err != nil {
		return q, fmt.Errorf("the question is not as expected: %w", err)
	}
	switch {
	case len(q.Ranges) > MaxRanges:
		return q, fmt.Errorf("%d ranges are too many: ask for %d at a time", len(q.Ranges), MaxRanges)
	case len(q.Places) > MaxPlaces:
		return q, fmt.Errorf("%d places are too many: ask for %d at a time", len(q.Places), MaxPlaces)
	case len(q.Wants) > MaxWants:
		return q, fmt.Errorf("%d wants are too many: ask for %d at a time", len(q.Wants), MaxWants)
	}
	return q, nil
}
