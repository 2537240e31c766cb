package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
)

const (
	// comparedWithin bounds the comparison before a hand-over.
	comparedWithin = 5 * time.Minute
	// backlogWithin is how long events may wait to be sent before a hand-over begins all
	// the same: should they be too many, it is given up, and nothing is lost.
	backlogWithin = 15 * time.Second
	// smallBacklog is how many may: they are sent within milliseconds.
	smallBacklog = 100
)

// Compared refuses a hand-over to a side that lacks something, or that can't be compared
// with the owner: what it has not, nobody would have once it owns. It is for the time
// before the gates close, and waits there until few events are on their way, so that
// these are closed for a short time. It returns nil where the side owns already, and
// where a hand-over is under way: that one can only be ended.
func (h Hosts) Compared(ctx context.Context, to string, opts reconcile.Options, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, comparedWithin)
	defer cancel()
	owner, _, err := h.Owner(ctx)
	switch {
	case errors.Is(err, ErrNobody):
		return nil
	case err != nil:
		return err
	case h.Names[owner] == to:
		return nil
	}
	if rows, err := h.Rows(ctx); err != nil || rows[1-owner].State != ownership.Follower {
		return err // fenced: who took it has still to be told
	}
	report, err := h.Reconcile(ctx, opts)
	if err != nil {
		return fmt.Errorf("compare %s with %s before it owns %s (--unchecked leaves that out): %w", to, h.Names[owner], h.Resource, err)
	}
	if err := Clean(report); err != nil {
		return fmt.Errorf("%s does not hold what %s holds: repair that first (strangler reconcile --repair), or leave it so (--unchecked): %w", to, h.Names[owner], err)
	}
	h.caughtUp(ctx, owner, log)
	return nil
}

// longestReport is how many lines of a report an error has.
const longestReport = 12

// Clean is an error that says what differs, if anything does.
func Clean(report reconcile.Report) error {
	if report.Clean() {
		return nil
	}
	lines := strings.Split(Text(report), "\n")
	if len(lines) > longestReport {
		lines = append(lines[:longestReport], fmt.Sprintf("and %d lines more: strangler reconcile", len(lines)-longestReport))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// caughtUp waits until few of the owner's events wait to be sent. An owner that tells
// nothing of that is believed.
func (h Hosts) caughtUp(ctx context.Context, owner int, log *slog.Logger) {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	began, waiting := time.Now(), 0
	for time.Since(began) < backlogWithin {
		waiting = 0
		for _, url := range h.URLs[owner] { // they have one database: each tells the same, if it is there
			if t, err := h.topology(ctx, client, url); err == nil {
				waiting = max(waiting, t.Outbox.Waiting)
			}
		}
		if waiting <= smallBacklog || pause(ctx, lookEvery) != nil {
			return
		}
	}
	if log != nil {
		log.WarnContext(ctx, "events wait to be sent: the hand-over may be given up", "owner", h.Names[owner], "waiting", waiting)
	}
}

// topology is what a replica reports, as far as a hand-over minds.
type topology struct {
	Seams  map[string]any `json:"seams"`
	Outbox struct {
		Waiting int `json:"waiting"`
	} `json:"outbox"`
}

func (h Hosts) topology(ctx context.Context, client *http.Client, url string) (topology, error) {
	var t topology
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/topology", nil)
	if err != nil {
		return t, fmt.Errorf("ask %s: %w", url, err)
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	res, err := client.Do(req)
	if err != nil {
		return t, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return t, fmt.Errorf("%s/topology answers %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&t); err != nil {
		return t, fmt.Errorf("the answer of %s/topology: %w", url, err)
	}
	return t, nil
}
