package ramp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Hold is routes held at one gateway.
type Hold struct {
	Gateway  string    `json:"-"`
	ID       string    `json:"id"`
	Label    string    `json:"label"` // by which it is found when the answer is lost
	Until    time.Time `json:"until"`
	InFlight int64     `json:"in_flight"`
}

func (h Hold) path() string { return h.Gateway + "/api/holds/" + url.PathEscape(h.ID) }

// Hold lets new requests of routes wait at one gateway, for so long at most. When no
// answer comes the hold is looked for by its label, once: it may be there all the same.
// Its errors are an *AnswerError, and a *LostHold where nobody knows.
func (g Gateways) Hold(ctx context.Context, gateway string, routes []string, lasting time.Duration) (Hold, error) {
	h := Hold{Gateway: gateway, Label: "strangler " + rand.Text()}
	body, err := json.Marshal(map[string]any{"routes": routes, "for": lasting.String(), "label": h.Label})
	if err != nil {
		return Hold{}, fmt.Errorf("write the hold: %w", err)
	}
	made, err := g.hold(ctx, http.MethodPost, h, gateway+"/api/holds", body)
	var answer *AnswerError
	if err == nil || errors.As(err, &answer) {
		return made, err
	}
	lost := &LostHold{Gateway: gateway, Label: h.Label, Err: err}
	if found, ok, err := g.Find(ctx, lost); ok && err == nil {
		return found, nil
	}
	return Hold{}, lost
}

func (g Gateways) hold(ctx context.Context, method string, h Hold, url string, body []byte) (Hold, error) {
	text, err := g.do(ctx, method, url, body, "Content-Type", "application/json")
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, fmt.Errorf("the answer of %s: %w", url, err)
	}
	return h, nil
}

// AwaitIdle returns when at no gateway a request that passed before its hold is
// under way.
func (g Gateways) AwaitIdle(ctx context.Context, holds []Hold) error {
	for _, h := range holds {
		for {
			// The gateway answers when it is so, or after the wait: less than our client's patience.
			now, err := g.hold(ctx, http.MethodGet, h, h.path()+"?wait=1s", nil)
			if err != nil {
				return fmt.Errorf("wait for what is under way at %s: %w", h.Gateway, err)
			}
			if now.InFlight == 0 {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%d requests are still under way at %s: %w", now.InFlight, h.Gateway, ctx.Err())
			}
		}
	}
	return nil
}

// ErrUnderWay is requests that passed before a hold and are not answered yet.
var ErrUnderWay = errors.New("requests that passed before the hold are not answered yet")

// Settle returns when at no gateway a request that passed before its hold is under way;
// after so long it is an ErrUnderWay that says how many are. Any other error is of a
// gateway that did not say.
func (g Gateways) Settle(ctx context.Context, holds []Hold, within time.Duration) error {
	until := time.Now().Add(within)
	for _, h := range holds {
		wait := max(0, time.Until(until)).Round(time.Millisecond)
		now, err := g.hold(ctx, http.MethodGet, h, h.path()+"?wait="+wait.String(), nil)
		if err != nil {
			return fmt.Errorf("wait for what is under way at %s: %w", h.Gateway, err)
		}
		if now.InFlight > 0 {
			return fmt.Errorf("%w: %d at %s after %s", ErrUnderWay, now.InFlight, h.Gateway, within)
		}
	}
	return nil
}

// Release ends holds. One that has ended by itself is an error: its requests went on
// too early.
func (g Gateways) Release(ctx context.Context, holds ...Hold) error {
	var errs []error
	for _, h := range holds {
		_, err := g.do(ctx, http.MethodDelete, h.path(), nil)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Renew keeps holds up until the returned function releases them. Its error says
// also what could not be renewed meanwhile.
func (g Gateways) Renew(holds []Hold, lasting time.Duration) (release func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var failed error
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		defer ended.Done()
		failed = g.renew(ctx, holds, lasting)
	}()
	return func() error {
		cancel()
		ended.Wait()
		within, done := context.WithTimeout(context.Background(), takesWithin)
		defer done()
		return errors.Join(failed, g.Release(within, holds...))
	}
}

func (g Gateways) renew(ctx context.Context, holds []Hold, lasting time.Duration) error {
	tick := time.NewTicker(lasting / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, h := range holds {
			body := []byte(fmt.Sprintf(`{"for": %q}`, lasting.String()))
			if _, err := g.hold(ctx, http.MethodPost, h, h.path()+"/renew", body); err != nil && ctx.Err() == nil {
				return fmt.Errorf("renew the hold at %s: %w", h.Gateway, err)
			}
		}
	}
}
