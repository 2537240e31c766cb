package beside

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"banyan.dev/strangler/internal/bench/peers"
	"banyan.dev/strangler/internal/bench/stand"
)

// stream sends one long body down and one up through the gateway, and looks how
// much memory that takes it.
func (s *stage) stream(ctx context.Context) error {
	if s.Stream == 0 || !s.wants(peers.Gateway) {
		return nil
	}
	c, _ := peers.Find(peers.Gateway, s.Self, s.gateway)
	p, err := s.start(ctx, c)
	if err != nil {
		return err
	}
	defer p.Stop()
	for _, way := range []struct {
		name string
		send func(ctx context.Context, base string, length int64) error
	}{{"down", down}, {"up", up}} {
		s.Say(fmt.Sprintf("%d MiB %s", s.Stream>>20, way.name))
		base := "http://" + p.Setting.Address
		if err := way.send(ctx, base, 1<<20); err != nil { // what the first body takes is no body's
			return fmt.Errorf("stream %s: %w", way.name, err)
		}
		p.ForgetPeak()
		before, began := p.Usage(), time.Now()
		if err := way.send(ctx, base, s.Stream); err != nil {
			return fmt.Errorf("stream %s: %w", way.name, err)
		}
		took := time.Since(began)
		s.report.Streams = append(s.report.Streams, Stream{
			Way: way.name, Bytes: s.Stream, Seconds: took.Seconds(),
			Before: before.Resident, Above: max(0, p.Usage().Peak-before.Resident),
		})
	}
	return nil
}

func down(ctx context.Context, base string, length int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+stand.Down+"?bytes="+strconv.FormatInt(length, 10), nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	return send(req, func(resp *http.Response) error {
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil || n != length {
			return fmt.Errorf("%d of %d bytes came: %w", n, length, err)
		}
		return nil
	})
}

func up(ctx context.Context, base string, length int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+stand.Up, io.LimitReader(zeros{}, length))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.ContentLength = length
	return send(req, func(resp *http.Response) error {
		var n int64
		if err := json.NewDecoder(resp.Body).Decode(&n); err != nil || n != length {
			return fmt.Errorf("%d of %d bytes arrived: %w", n, length, err)
		}
		return nil
	})
}

func send(req *http.Request, read func(*http.Response) error) error {
	resp, err := oneTime().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		words, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return fmt.Errorf("%s %s answered %s: %s (%w)", req.Method, req.URL.Path, resp.Status, words, err)
	}
	return read(resp)
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
