package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"banyan.dev/gateway/internal/config"
)

// strikes is how many probes in a row must fail before a replica is taken out,
// when the failure is one that load alone could cause.
const strikes = 2

// prober asks one replica whether it is well, until its context ends.
type prober struct {
	replica *Replica
	client  *http.Client
	failed  int
}

func newProber(r *Replica) *prober {
	return &prober{replica: r, client: &http.Client{
		// A connection of its own for each probe: whether the replica accepts is
		// part of the question.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p *prober) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			health := p.replica.health.Load()
			p.probe(ctx, health)
			p.replica.pool.trim(now)
			timer.Reset(health.Interval)
		}
	}
}

func (p *prober) probe(ctx context.Context, health *config.Health) {
	sure, err := p.ask(ctx, health)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		p.failed = 0
		if !p.replica.Up() {
			p.replica.markUp()
		}
		return
	}
	p.failed++
	if p.replica.Up() && (sure || p.failed >= strikes) {
		p.replica.MarkDown(err.Error())
	}
}

// ask makes one probe. A failure is sure when the replica itself said so: by 503,
// or by refusing the connection.
func (p *prober) ask(ctx context.Context, health *config.Health) (sure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, health.Timeout)
	defer cancel()
	target := *p.replica.URL
	if health.Port != "" {
		target.Host = net.JoinHostPort(target.Hostname(), health.Port)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String()+health.Path, nil)
	if err != nil {
		return true, fmt.Errorf("probe %s: %w", health.Path, err)
	}
	req.Header.Set("User-Agent", "banyan-gateway-probe")
	res, err := p.client.Do(req)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED), fmt.Errorf("probe: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode < 400 || !health.Named && res.StatusCode < 500 {
		return false, nil
	}
	return res.StatusCode == http.StatusServiceUnavailable, fmt.Errorf("probe: GET %s answered %d", health.Path, res.StatusCode)
}
