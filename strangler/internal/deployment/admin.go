package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

func newClient() *http.Client {
	return &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
}

// ready asks a readiness probe.
func (r *Run) ready(ctx context.Context, url string) error {
	res, err := r.get(ctx, url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

func (r *Run) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	req.Header.Set("Authorization", "Bearer "+r.state.Token)
	return r.client.Do(req)
}

func (r *Run) getJSON(ctx context.Context, url string, into any) error {
	res, err := r.get(ctx, url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer of %s: %w", url, err)
	}
	return nil
}

// SessionStatus is what a replica reports of its sessions.
type SessionStatus struct {
	Replica    string `json:"replica"`
	Revision   int64  `json:"revision"`
	Store      string `json:"store"`
	Generation int    `json:"generation"`
	Settled    bool   `json:"settled"`
	Sessions   int    `json:"sessions"`
	Mismatches int64  `json:"mismatches"`
	Reason     string `json:"reason"`
}

// GatewayStatus is what a gateway reports of its routes.
type GatewayStatus struct {
	Name        string `json:"name"`
	Revision    int64  `json:"revision"`
	LastRefused *struct {
		Reason string `json:"reason"`
	} `json:"last_refused"`
	Owners []GatewayOwner `json:"owners"`
}

// GatewayOwner is one owner there, with its replicas.
type GatewayOwner struct {
	Name     string           `json:"name"`
	Replicas []GatewayReplica `json:"replicas"`
}

// GatewayReplica is one replica as the gateway sees it.
type GatewayReplica struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Healthy  bool   `json:"healthy"`
	Reason   string `json:"reason"` // why not
	Requests int64  `json:"requests"`
}

func (r *Run) sessionStatus(ctx context.Context, replica string) (SessionStatus, error) {
	var s SessionStatus
	err := r.getJSON(ctx, r.on.adminURL(replica)+"/sessions/status", &s)
	return s, err
}

// seams are a replica's, as its topology names them.
func (r *Run) seams(ctx context.Context, replica string) (map[string]string, error) {
	var t struct {
		Seams map[string]string `json:"seams"`
	}
	err := r.getJSON(ctx, r.on.adminURL(replica)+"/topology", &t)
	return t.Seams, err
}

func (r *Run) gatewayStatus(ctx context.Context, replica string) (GatewayStatus, error) {
	var s GatewayStatus
	err := r.getJSON(ctx, r.on.adminURL(replica)+"/api/status", &s)
	return s, err
}
