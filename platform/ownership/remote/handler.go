package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

// orderLimit bounds an order in bytes.
const orderLimit = 64 << 10

// Side is what is asked of a side; *ownership.Side is one.
type Side interface {
	handover.Side
	// Moves returns the last moves of the row, the newest first.
	Moves(ctx context.Context, last int) ([]ownership.Moved, error)
	// Rehearse sends markers on the way that a fence's will take, and returns their number.
	Rehearse(ctx context.Context) (number int64, err error)
	// Rehearsed tells whether the other side's are here.
	Rehearsed(ctx context.Context, number int64) error
}

// Handler answers for a side under /ownership/{resource}; the package says what. It
// is the whole of who may write: mount it on the admin port only, behind
// httpkit.Bearer, for the side's resource alone, without stripping the path:
//
//	own := admin.Group("/ownership/comments", httpkit.Bearer(token))
//	own.Any("", echo.WrapHandler(handler))
//	own.Any("/*", echo.WrapHandler(handler))
func Handler(side Side) http.Handler {
	h := handler{side}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ownership/{resource}", h.row)
	mux.HandleFunc("GET /ownership/{resource}/ready", h.ready)
	mux.HandleFunc("GET /ownership/{resource}/moves", h.moves)
	mux.HandleFunc("POST /ownership/{resource}/moves", h.move)
	mux.HandleFunc("POST /ownership/{resource}/rehearsals", h.rehearse)
	mux.HandleFunc("GET /ownership/{resource}/rehearsals/{number}", h.rehearsed)
	return mux
}

type handler struct{ side Side }

func (h handler) row(w http.ResponseWriter, r *http.Request) {
	row, err := h.side.Row(r.Context())
	answer(w, row, err)
}

func (h handler) ready(w http.ResponseWriter, r *http.Request) {
	epoch, err := strconv.ParseInt(r.URL.Query().Get("epoch"), 10, 64)
	if err != nil || epoch < 0 {
		refuse(w, "epoch %q can't be: give the one at which the other side would be fenced, from 0", r.URL.Query().Get("epoch"))
		return
	}
	if err := h.side.Ready(r.Context(), epoch); err != nil {
		answer(w, nil, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Rehearsal is the answer to who begins one.
type Rehearsal struct {
	Number int64 `json:"number"`
}

func (h handler) rehearse(w http.ResponseWriter, r *http.Request) {
	number, err := h.side.Rehearse(r.Context())
	answer(w, Rehearsal{number}, err)
}

func (h handler) rehearsed(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil || number <= 0 {
		refuse(w, "rehearsal %q can't be: give the number that its beginning was answered with", r.PathValue("number"))
		return
	}
	if err := h.side.Rehearsed(r.Context(), number); err != nil {
		answer(w, nil, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h handler) moves(w http.ResponseWriter, r *http.Request) {
	last, text := 20, r.URL.Query().Get("last")
	if text != "" {
		var err error
		if last, err = strconv.Atoi(text); err != nil || last < 1 || last > 1000 {
			refuse(w, "last %q can't be: use 1 to 1000", text)
			return
		}
	}
	moves, err := h.side.Moves(r.Context(), last)
	answer(w, append([]ownership.Moved{}, moves...), err)
}

func (h handler) move(w http.ResponseWriter, r *http.Request) {
	var order ownership.Order
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, orderLimit))
	body.DisallowUnknownFields()
	if err := body.Decode(&order); err != nil {
		refuse(w, "the body is no order: %s", err)
		return
	}
	switch order.Move {
	case ownership.Fence, ownership.Take, ownership.Demote, ownership.Bar, ownership.Unfence:
	default:
		refuse(w, "move %q is unknown: use fence, take, demote, bar or unfence", order.Move)
		return
	}
	if order.By == "" {
		refuse(w, "by is empty: say who orders it, and what tells two of them apart")
		return
	}
	row, err := h.side.Do(r.Context(), order)
	answer(w, row, err)
}

// answer sends the value, or the error.
func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		WriteError(w, err)
		return
	}
	write(w, http.StatusOK, "application/json", value)
}

// WriteError answers with an error: one of package ownership so that ErrorIn reads it,
// any other as 503 with its text. Who may see the admin port may see that.
func WriteError(w http.ResponseWriter, err error) {
	f, known := failureOf(err)
	if !known {
		f = failure{Type: "about:blank", Title: "Nobody knows whether it was done", Status: http.StatusServiceUnavailable, Detail: err.Error()}
	}
	write(w, f.Status, "application/problem+json", f)
}

// refuse answers what can't be read.
func refuse(w http.ResponseWriter, format string, args ...any) {
	write(w, http.StatusBadRequest, "application/problem+json",
		failure{Type: "about:blank", Title: "The request can't be read", Status: http.StatusBadRequest, Detail: fmt.Sprintf(format, args...)})
}

func write(w http.ResponseWriter, status int, mediaType string, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a type of ours that can't be written is a mistake in the program
		http.Error(w, "the answer can't be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone; it asks again
}
