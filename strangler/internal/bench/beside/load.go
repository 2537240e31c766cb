package beside

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"banyan.dev/strangler/internal/bench/figure"
	"banyan.dev/strangler/internal/bench/peers"
	"banyan.dev/strangler/internal/bench/stand"
	"banyan.dev/strangler/internal/bench/wire"
)

// runner is a contender that takes turns.
type runner struct {
	process   *peers.Process
	address   string
	version   string
	rates     []float64
	p99s      []float64
	latencies *hdrhistogram.Histogram
	paced     paced
	cpu       time.Duration
	requests  int64
	next      uint64 // requests that reached the application's second owner
}

// paced is what a contender did at the rate that all get.
type paced struct {
	rates     []float64
	p99s      []float64
	latencies *hdrhistogram.Histogram
}

func newRunner(p *peers.Process, version string) *runner {
	histogram := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, time.Minute.Microseconds(), 3) }
	return &runner{process: p, address: p.Setting.Address, version: version, latencies: histogram(), paced: paced{latencies: histogram()}}
}

// load measures all contenders round by round. The gateway takes part three times,
// with three configurations.
func (s *stage) load(ctx context.Context) error {
	contenders := s.contenders()
	if s.wants(peers.Gateway) {
		for _, variant := range []string{peers.Canary, peers.Shadow} {
			c, _ := peers.Find(variant, s.Self, s.gateway)
			contenders = append(contenders, c)
		}
	}
	// The application without anything before it: what clients and application take
	// of the processors by themselves.
	runners := []*runner{newRunner(s.app, "")}
	runners[0].address = s.app.Setting.App[0]
	for _, c := range contenders {
		s.Say("starting " + c.Name)
		p, err := s.start(ctx, c)
		if err != nil {
			return err
		}
		defer p.Stop()
		runners = append(runners, newRunner(p, c.Version(ctx)))
	}
	for round := range s.Rounds {
		for turn := range runners {
			r := runners[(round+turn)%len(runners)]
			s.Say(fmt.Sprintf("turn %d of %d: %s", round*len(runners)+turn+1, s.Rounds*len(runners), r.process.Name))
			if err := s.turn(ctx, r); err != nil {
				return fmt.Errorf("measure %s: %w; its log:\n%s", r.process.Name, err, r.process.Log())
			}
		}
	}
	s.report.Load = summary(runners)
	return nil
}

func (s *stage) target(address string) wire.Target {
	path := stand.Item + "?bytes=" + strconv.Itoa(s.Body)
	return wire.Target{Address: address, Path: path, SignIn: path + "&sign_in=1"}
}

// turn is a fifth of the time to warm up, then the measured part. Connections are
// new each time: how they fall on a contender's workers is luck, which the rounds
// even out.
func (s *stage) turn(ctx context.Context, r *runner) error {
	crowd, err := wire.Gather(ctx, s.target(r.address), s.Connections)
	if err != nil {
		return err
	}
	defer crowd.Close()
	if _, err := work(ctx, crowd, s.Duration/5, 0); err != nil {
		return err
	}
	next, err := s.next(ctx)
	if err != nil {
		return err
	}
	before := r.process.Usage()
	window, err := work(ctx, crowd, s.Duration, 0)
	if err != nil {
		return err
	}
	r.cpu += r.process.Usage().CPU - before.CPU
	r.requests += window.Requests
	r.rates = append(r.rates, window.Rate())
	r.p99s = append(r.p99s, window.Quantile(99))
	r.latencies.Merge(window.Latencies)
	after, err := s.next(ctx)
	r.next += after - next
	if err != nil || s.Rate == 0 {
		return err
	}
	if window, err = work(ctx, crowd, s.Duration, float64(s.Rate)); err != nil {
		return err
	}
	r.paced.rates = append(r.paced.rates, window.Rate())
	r.paced.p99s = append(r.paced.p99s, window.Quantile(99))
	r.paced.latencies.Merge(window.Latencies)
	return nil
}

// work lets the crowd ask for a while, at so many requests/s; 0: as fast as it is
// answered.
func work(ctx context.Context, crowd *wire.Crowd, duration time.Duration, rate float64) (wire.Window, error) {
	begin := crowd.Begin
	if rate > 0 {
		begin = func(ctx context.Context, bear bool) *wire.Shift { return crowd.BeginPaced(ctx, bear, rate) }
	}
	shift := begin(ctx, false)
	over := time.NewTimer(duration)
	defer over.Stop()
	select {
	case <-over.C:
	case <-shift.Failed():
	}
	return shift.End()
}

// next asks the application how many requests its second owner has had.
func (s *stage) next(ctx context.Context) (requests uint64, err error) {
	var replicas []uint64
	if err := getJSON(ctx, "http://"+s.app.Setting.Streams+stand.Counts, &replicas); err != nil {
		return 0, fmt.Errorf("ask the application for its counts: %w", err)
	}
	for _, n := range replicas[len(s.app.Setting.App):] {
		requests += n
	}
	return requests, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := oneTime().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// oneTime is a client that leaves no connection open.
func oneTime() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
}

// summary compares the runners. Each has had the same rounds.
func summary(runners []*runner) []Load {
	by := map[string]*runner{}
	for _, r := range runners {
		by[r.process.Name] = r
	}
	var all []Load
	for _, r := range runners {
		l := Load{
			Contender: r.process.Name, Version: r.version, RequestsPerSecond: figure.Median(r.rates), Rates: r.rates,
			P50: milliseconds(r.latencies, 50), P99: milliseconds(r.latencies, 99), P99s: r.p99s, Requests: r.requests,
			CPU: r.cpu.Seconds() / float64(max(r.requests, 1)) * 100_000,
		}
		if name := r.process.Name; name == peers.Canary || name == peers.Shadow {
			l.Next = float64(r.next) / float64(max(r.requests, 1))
		}
		nginx := by[peers.Nginx]
		if nginx != nil {
			l.ToNginx, l.P99ToNginx = figure.Ratio(r.rates, nginx.rates), figure.Ratio(r.p99s, nginx.p99s)
		}
		l.Paced = r.paced.summary(nginx)
		if gateway := by[peers.Gateway]; gateway != nil {
			l.ToGateway = figure.Ratio(r.rates, gateway.rates)
		}
		all = append(all, l)
	}
	return all
}

// summary is nil where nothing was measured at a rate.
func (p paced) summary(nginx *runner) *Paced {
	if len(p.rates) == 0 {
		return nil
	}
	sum := Paced{RequestsPerSecond: figure.Median(p.rates), P50: milliseconds(p.latencies, 50), P99: milliseconds(p.latencies, 99), P99s: p.p99s}
	if nginx != nil {
		sum.P99ToNginx = figure.Ratio(p.p99s, nginx.paced.p99s)
	}
	return &sum
}

func milliseconds(h *hdrhistogram.Histogram, q float64) float64 {
	return float64(h.ValueAtQuantile(q)) / 1000
}
