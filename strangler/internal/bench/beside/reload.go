package beside

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"banyan.dev/strangler/internal/bench/peers"
	"banyan.dev/strangler/internal/bench/wire"
)

// betweenReloads leaves time for some hundred requests by each configuration.
const betweenReloads = 10 * time.Millisecond

// reload puts one configuration after another in force by the admin API while
// clients ask as fast as they are answered, and counts what failed for them.
func (s *stage) reload(ctx context.Context) error {
	if s.Reloads == 0 || !s.wants(peers.Gateway) {
		return nil
	}
	s.Say(fmt.Sprintf("%d reloads under load", s.Reloads))
	c, _ := peers.Find(peers.Gateway, s.Self, s.gateway)
	p, err := s.start(ctx, c)
	if err != nil {
		return err
	}
	defer p.Stop()
	crowd, err := wire.Gather(ctx, s.target(p.Setting.Address), s.Connections)
	if err != nil {
		return fmt.Errorf("reloads: %w", err)
	}
	defer crowd.Close()
	shift := crowd.Begin(ctx, true)
	began := time.Now()
	putErr := putAll(ctx, p.Setting, s.Reloads)
	took := time.Since(began)
	window, err := shift.End()
	if putErr != nil {
		return fmt.Errorf("reloads: %w", putErr)
	}
	if err != nil {
		return fmt.Errorf("reloads: %w; the gateway's log:\n%s", err, p.Log())
	}
	s.report.Reloads = &Reloads{
		Reloads: s.Reloads, Seconds: took.Seconds(), Requests: window.Requests, Failed: window.Failed, P99: window.Quantile(99),
	}
	if window.First != nil {
		s.report.Reloads.First = window.First.Error()
	}
	return nil
}

func putAll(ctx context.Context, setting peers.Setting, reloads int) error {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	pace := time.NewTicker(betweenReloads)
	defer pace.Stop()
	for seen := 1; seen <= reloads; seen++ {
		text, err := peers.RenderGateway(setting, peers.Gateway, seen+1)
		if err != nil {
			return err
		}
		if err := put(ctx, client, setting, seen, text); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
	}
	return nil
}

func put(ctx context.Context, client *http.Client, setting peers.Setting, seen int, text string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+setting.Admin+"/api/config", strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+setting.Token)
	req.Header.Set("If-Match", fmt.Sprintf(`"%d"`, seen))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	words, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("read the answer to a configuration: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answered %s to revision %d:\n%s", resp.Status, seen+1, words)
	}
	return nil
}
