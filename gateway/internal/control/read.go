package control

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
)

func (s *Server) status(c echo.Context) error { return c.JSON(http.StatusOK, s.Status()) }

// Status tells what is in force and how it goes.
func (s *Server) Status() status.Status {
	now := time.Now()
	out := status.Status{
		Name: s.options.Name, Version: s.options.Version, At: now.UTC(), Draining: s.draining.Load(), Changes: s.options.Token != "",
		LatencyBounds: bounds, Owners: []status.Owner{}, Resources: []status.Resource{}, Routes: []status.Route{}, History: []status.Change{},
	}
	if r := s.current.Refused(); r != nil {
		out.LastRefused = &status.Refused{At: r.At.UTC(), Source: r.Source, Reason: r.Reason}
	}
	for _, c := range s.current.History() {
		out.History = append(out.History, status.Change{At: c.At.UTC(), Source: c.Source, Revision: c.Revision, Refused: c.Refused, What: c.What})
	}
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return out
	}
	out.Revision, out.Digest, out.Source, out.Since = snapshot.Revision, snapshot.Digest, snapshot.Source, snapshot.Since.UTC()
	out.FileDiffers = s.current.FileDiffers()
	r := reading{s, now, snapshot}
	out.Identity, out.Resources = r.identity(), r.resources()
	for i := range snapshot.Table.Owners {
		out.Owners = append(out.Owners, r.owner(i))
	}
	for i := range snapshot.Table.Routes {
		out.Routes = append(out.Routes, r.route(i))
	}
	return out
}

// bounds are those of the latency buckets, in milliseconds.
var bounds = func() []float64 {
	var out []float64
	for _, b := range metrics.Bounds() {
		out = append(out, milliseconds(b))
	}
	return out
}()

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// reading is one look at a snapshot.
type reading struct {
	*Server
	now      time.Time
	snapshot *current.Snapshot
}

// part is one owner's part in a route.
type part struct {
	owner string
	role  string
	share float64
	meter *metrics.Meter
}

// parts are who answers a route.
func parts(r *policy.Route, live current.Route) []part {
	if r.Canary == nil {
		return []part{{r.Owner.Name, status.Baseline, 100, live.Baseline}}
	}
	share := percent(r.Canary.Share)
	return []part{
		{r.Owner.Name, status.Baseline, percent(config.WholeShare - r.Canary.Share), live.Baseline},
		{r.Canary.Owner.Name, status.Canaried, share, live.Canary},
	}
}

// percent is a share as people write it.
func percent(share int) float64 { return float64(share) * 100 / config.WholeShare }

func sideKey(route, owner string) countKey { return countKey{"side", route, owner} }

func (r reading) route(i int) status.Route {
	route, live := r.snapshot.Table.Routes[i], r.snapshot.Routes[i]
	out := status.Route{
		Name: route.Name, Path: route.Pattern, Methods: route.Methods, Owner: route.Owner.Name, Resource: route.Resource, Timeout: route.Timeout.String(),
		Hold: r.hold(route.Name, live),
	}
	all := sum{bounds: bounds}
	for _, p := range parts(route, live) {
		read := p.meter.Read()
		c := counts{read.Requests, read.Errors, read.Latency}
		side := status.Side{Owner: p.owner, Role: p.role, Share: p.share, Latency: read.Latency}
		side.Figures = figures(c)
		side.Recent = r.recent.recent(sideKey(route.Name, p.owner), r.now, c, bounds)
		oldest, _, _ := r.recent.since(sideKey(route.Name, p.owner))
		all.add(c, oldest.counts, side.Recent)
		out.Sides = append(out.Sides, side)
		out.RateLimited = read.Limited
	}
	out.Figures = all.figures()
	out.Shadow = r.shadow(route, live)
	out.Misdirected.Resent, out.Misdirected.Waited, out.Misdirected.Refused = live.Misdirected.Read()
	if c := r.snapshot.Table.Config.Routes[i].Canary; c != nil {
		out.Canary = &status.Canary{Owner: c.Owner, Percent: percent(c.Share), By: by(c.By), Salt: c.Salt}
	}
	return out
}

// by writes a key as the configuration does.
func by(k config.Key) string {
	if k.Name == "" {
		return string(k.Kind)
	}
	return string(k.Kind) + ":" + k.Name
}

func figures(c counts) status.Figures {
	return status.Figures{
		Requests: c.requests, Errors: c.errors,
		P50: percentile(bounds, c.latency, nil, .5), P99: percentile(bounds, c.latency, nil, .99),
	}
}

// sum adds up the sides of a route.
type sum struct {
	bounds      []float64
	now, before counts
	recent      status.Recent
}

func (s *sum) add(now, before counts, recent status.Recent) {
	s.now, s.before = plus(s.now, now), plus(s.before, before)
	s.recent.Seconds = max(s.recent.Seconds, recent.Seconds)
	s.recent.PerSecond += recent.PerSecond
	s.recent.Requests += recent.Requests
	s.recent.Errors += recent.Errors
}

func plus(a, b counts) counts {
	if a.latency == nil {
		a.latency = make([]uint64, len(b.latency))
	}
	for i := range min(len(a.latency), len(b.latency)) {
		a.latency[i] += b.latency[i]
	}
	a.requests += b.requests
	a.errors += b.errors
	return a
}

func (s *sum) figures() status.Figures {
	out := figures(s.now)
	out.Recent = s.recent
	if s.recent.Seconds > 0 {
		out.Recent.P50 = percentile(s.bounds, s.now.latency, s.before.latency, .5)
		out.Recent.P99 = percentile(s.bounds, s.now.latency, s.before.latency, .99)
	}
	return out
}

func shadowKey(route string) countKey { return countKey{"shadow", route, ""} }

// shadow tells of a route's copies; nil without a shadow.
func (r reading) shadow(route *policy.Route, live current.Route) *status.Shadow {
	if route.Shadow == nil || live.Shadow == nil {
		return nil
	}
	f := live.Shadow.Figures()
	return &status.Shadow{
		Owner: route.Shadow.Owner, Percent: percent(route.Shadow.Sample),
		Sent: f.Sent, Matched: f.Matched, Mismatched: f.Mismatched, Failed: f.Failed, Skipped: f.Skipped, Dropped: f.Dropped, Pending: f.Pending,
		PerSecond: r.recent.rate(shadowKey(route.Name), r.now, f.Sent),
	}
}

// hold tells of a route's gate.
func (r reading) hold(route string, live current.Route) status.Hold {
	f := live.Gate.Figures()
	out := status.Hold{Held: f.Held, Waiting: f.Waiting, InFlight: f.InFlight, HeldTotal: f.HeldTotal, Refused: f.Refused}
	if f.Held {
		out.ID, out.Until = r.holds.on(route), utc(f.Until)
	}
	if f.HeldTotal > 0 {
		out.P50, out.P99 = waits(live.Gate)
	}
	return out
}

// sample keeps what was counted, over and over.
func (s *Server) sample() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		s.recent.add(time.Now(), s.counted)
		select {
		case <-s.closing:
			return
		case <-tick.C:
		}
	}
}

// counted is everything that has a rate.
func (s *Server) counted(yield func(countKey, counts)) {
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return
	}
	for i, route := range snapshot.Table.Routes {
		for _, p := range parts(route, snapshot.Routes[i]) {
			read := p.meter.Read()
			yield(sideKey(route.Name, p.owner), counts{read.Requests, read.Errors, read.Latency})
		}
		if shadow := snapshot.Routes[i].Shadow; shadow != nil {
			yield(shadowKey(route.Name), counts{requests: shadow.Figures().Sent})
		}
	}
	for _, o := range snapshot.Table.Owners {
		for _, r := range o.Group.Replicas() {
			yield(countKey{"replica", o.Name, r.Name}, counts{requests: r.Figures().Requests})
		}
	}
}
