package backfill

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"banyan.dev/platform/ownership/remote"
)

// orderLimit bounds an order in bytes.
const orderLimit = 4 << 10

// Handler answers for a runner:
//
//	GET    /backfill/{resource}   how far the newest run has come: a Status
//	POST   /backfill/{resource}   begins a run or lets one go on: an Order; the Status
//	DELETE /backfill/{resource}   lets it rest, until the next POST; the Status
//	GET    /backfill/{resource}/applied/{run}   at who follows: an Applied
//
// Mount it on the admin port only, behind httpkit.Bearer, for the runner's resource
// alone, without stripping the path:
//
//	admin.Any("/backfill/comments", echo.WrapHandler(handler), httpkit.Bearer(token))
//
// An error of the database is answered 503: whether it was done is then for the Status
// to say.
func Handler(r *Runner) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backfill/{resource}", func(w http.ResponseWriter, q *http.Request) { answer(w, q, r.Status) })
	mux.HandleFunc("GET /backfill/{resource}/applied/{run}", func(w http.ResponseWriter, q *http.Request) {
		answer(w, q, func(ctx context.Context) (Applied, error) {
			missing, err := r.Missing(ctx, q.PathValue("run"))
			return Applied{Missing: missing}, err
		})
	})
	mux.HandleFunc("DELETE /backfill/{resource}", func(w http.ResponseWriter, q *http.Request) { answer(w, q, r.Pause) })
	mux.HandleFunc("POST /backfill/{resource}", func(w http.ResponseWriter, q *http.Request) {
		var o Order
		body := json.NewDecoder(http.MaxBytesReader(w, q.Body, orderLimit))
		body.DisallowUnknownFields()
		if err := body.Decode(&o); err != nil && !errors.Is(err, io.EOF) { // nothing is the empty order
			http.Error(w, "the body is no order: "+err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, q, func(ctx context.Context) (Status, error) { return r.Start(ctx, o) })
	})
	return mux
}

// Applied is what a follower has of a run.
type Applied struct {
	Missing string `json:"missing"` // in words; empty when nothing is
}

func answer[T any](w http.ResponseWriter, q *http.Request, ask func(ctx context.Context) (T, error)) {
	told, err := ask(q.Context())
	if errors.Is(err, ErrOrder) {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var body []byte
	if err == nil {
		body, err = json.Marshal(told)
	}
	if err != nil {
		remote.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // the asker has gone; it asks again
}
