package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"
)

// contender is one store's monolith with its signed-in readers.
type contender struct {
	store     string
	url       string
	transport *http.Transport
	readers   []*http.Client

	latencies *hdrhistogram.Histogram // microseconds, over all rounds
	rates     []float64               // requests/s, one per round
}

func newContender(store, url string, concurrency int) *contender {
	c := &contender{
		store: store, url: url,
		transport: &http.Transport{MaxIdleConnsPerHost: concurrency, DisableCompression: true},
		latencies: hdrhistogram.New(1, time.Minute.Microseconds(), 3),
	}
	c.readers = make([]*http.Client, concurrency)
	return c
}

func (c *contender) close() { c.transport.CloseIdleConnections() }

// signUp gives each reader an account and a session, one after the other: nobody measures this.
func (c *contender) signUp(ctx context.Context) error {
	for i := range c.readers {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return fmt.Errorf("make a cookie jar: %w", err)
		}
		c.readers[i] = &http.Client{Transport: c.transport, Jar: jar, Timeout: 30 * time.Second}
		body, err := json.Marshal(map[string]string{
			"name": fmt.Sprintf("Reader %d", i), "email": strings.ToLower(rand.Text()) + "@example.org", "password": rand.Text(),
		})
		if err != nil {
			return fmt.Errorf("encode the account: %w", err)
		}
		if err := c.send(ctx, c.readers[i], http.MethodPost, "/api/v1/accounts", body, http.StatusCreated); err != nil {
			return err
		}
	}
	return nil
}

// turn lets all readers read for a while, as fast as they are answered, after a tenth of it to warm up. It is a closed loop: what is
// compared is the cost of a read, not what a crowd feels.
func (c *contender) turn(ctx context.Context, duration time.Duration) error {
	if _, err := c.read(ctx, duration/10); err != nil {
		return err
	}
	measured, err := c.read(ctx, duration)
	if err != nil {
		return err
	}
	c.latencies.Merge(measured)
	c.rates = append(c.rates, float64(measured.TotalCount())/duration.Seconds())
	return nil
}

func (c *contender) read(ctx context.Context, duration time.Duration) (*hdrhistogram.Histogram, error) {
	end := time.Now().Add(duration)
	histograms := make([]*hdrhistogram.Histogram, len(c.readers))
	group, ctx := errgroup.WithContext(ctx)
	for i, reader := range c.readers {
		h := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
		histograms[i] = h
		group.Go(func() error {
			for began := time.Now(); began.Before(end); began = time.Now() {
				if err := c.send(ctx, reader, http.MethodGet, "/api/v1/accounts/me", nil, http.StatusOK); err != nil {
					return err
				}
				_ = h.RecordValue(min(time.Since(began).Microseconds(), time.Minute.Microseconds())) // within its scale
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, h := range histograms[1:] {
		histograms[0].Merge(h)
	}
	return histograms[0], nil
}

func (c *contender) send(ctx context.Context, reader *http.Client, method, path string, body []byte, want int) error {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := reader.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s answered %s, want %d", method, path, resp.Status, want)
	}
	return nil
}
