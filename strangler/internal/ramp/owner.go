package ramp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Owned is who has a resource, as a gateway has it in force.
type Owned struct {
	Owner    string `json:"owner"`
	Epoch    int64  `json:"epoch"`
	Revision int64  `json:"revision"`
}

// Owned asks one gateway who has a resource.
func (g Gateways) Owned(ctx context.Context, gateway, resource string) (Owned, error) {
	return g.owned(ctx, http.MethodGet, gateway, resource, nil)
}

// Give tells one gateway who has a resource, from an epoch on. It compares nothing but
// epochs: it is not disturbed by who steers something else, may be repeated, and is an
// AnswerError with 409 where the resource is further on.
func (g Gateways) Give(ctx context.Context, gateway, resource, owner string, epoch int64) (Owned, error) {
	body, err := json.Marshal(map[string]any{"owner": owner, "epoch": epoch})
	if err != nil {
		return Owned{}, fmt.Errorf("write who owns %s: %w", resource, err)
	}
	return g.owned(ctx, http.MethodPut, gateway, resource, body)
}

func (g Gateways) owned(ctx context.Context, method, gateway, resource string, body []byte) (Owned, error) {
	var o Owned
	at := gateway + "/api/resources/" + url.PathEscape(resource)
	text, err := g.do(ctx, method, at, body, "Content-Type", "application/json")
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("the answer of %s: %w", at, err)
	}
	return o, nil
}

// Heard is what came of asking one gateway how it is.
type Heard struct {
	Status
	Err error
}

// Ask asks all gateways side by side, so that one that is silent takes no longer than
// within, however many there are. The answers are in the order of the addresses.
func (g Gateways) Ask(ctx context.Context, within time.Duration) []Heard {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	all := make([]Heard, len(g.URLs))
	var asking sync.WaitGroup
	for i, url := range g.URLs {
		asking.Go(func() { all[i].Status, all[i].Err = g.status(ctx, url) })
	}
	asking.Wait()
	return all
}

// Highest is the highest revision that a gateway reports within that time, and at least
// this one. Those that are silent have read no newer file than the others.
func (g Gateways) Highest(ctx context.Context, within time.Duration, least int64) int64 {
	for _, l := range g.Ask(ctx, within) {
		if l.Err == nil {
			least = max(least, l.Revision)
		}
	}
	return least
}
