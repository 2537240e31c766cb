package lag

import (
	"context"
	"encoding/json"
	"net/http"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/outbox"
)

// Report is how far a host is.
type Report struct {
	Outbox outbox.Backlog `json:"outbox"`
	Groups []Place        `json:"groups"`
}

// Place is how far a consumer group is in one partition.
type Place struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	// Next is the offset of the next message that the group gets, and End that of the
	// next one that will be written.
	Next int64 `json:"next"`
	End  int64 `json:"end"`
}

// Group is a consumer group of a host and what it listens to.
type Group struct {
	Name   string
	Topics []string
}

// Source is where a host finds how far it is: its database and the broker. It is safe
// for concurrent use.
type Source struct {
	DB     *database.DB
	Broker *broker.Broker
	Groups []Group
}

// Report asks both. It is an error when one of them is away: nobody knows then.
func (s Source) Report(ctx context.Context) (Report, error) {
	unsent, err := outbox.Unsent(ctx, s.DB)
	if err != nil {
		return Report{}, err
	}
	r := Report{Outbox: unsent, Groups: []Place{}}
	for _, g := range s.Groups {
		for _, topic := range g.Topics {
			lags, err := s.Broker.Lag(ctx, g.Name, topic)
			if err != nil {
				return Report{}, err
			}
			for _, l := range lags {
				r.Groups = append(r.Groups, Place{Group: g.Name, Topic: topic, Partition: l.Partition, Next: max(l.Committed, l.First), End: l.End})
			}
		}
	}
	return r, nil
}

// Path is where Handler answers.
const Path = "/lag"

// Handler answers GET /lag with the Report, or 503 with why there is none. Mount it on
// the admin port only, behind httpkit.Bearer:
//
//	admin.GET(lag.Path, echo.WrapHandler(handler), httpkit.Bearer(token))
func Handler(s Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		report, err := s.Report(q.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable) // who may see the admin port may see that
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report) // the asker has gone; it asks again
	})
}
