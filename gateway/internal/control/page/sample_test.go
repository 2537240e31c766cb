package page_test

import (
	"time"

	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/control/status"
)

// now is when the sample was taken.
var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func in(d time.Duration) *time.Time {
	t := now.Add(d)
	return &t
}

func figures(requests, errors uint64, perSecond, p50, p99 float64) status.Figures {
	return status.Figures{
		Requests: requests * 7, Errors: errors * 3, P50: p50, P99: p99,
		Recent: status.Recent{Seconds: 60, PerSecond: perSecond, Requests: requests, Errors: errors, P50: p50, P99: p99},
	}
}

// sample is a gateway in the middle of a migration: a canary, a shadow with
// mismatches, a held route, an unwell replica, an ejected one, a refused
// configuration.
func sample() page.View {
	return page.View{Config: sampleText, Status: status.Status{
		Name: "gateway-0", Version: "06-comments-reads", At: now, Revision: 41, Source: "api", Since: now.Add(-4 * time.Minute), Changes: true,
		LastRefused: &status.Refused{At: now.Add(-20 * time.Second), Source: "file", Reason: "gateway.yaml:31: routes[2].canary.owner: \"coments\" is no owner; known: comments, monolith\ngateway.yaml:40: routes[4].timeout: \"5\" must be a duration above 0, as in 500ms or 15s"},
		Owners:      []status.Owner{comments(), monolith(), query()},
		Routes:      sampleRoutes(),
		History: []status.Change{
			{At: now.Add(-20 * time.Second), Source: "file", Refused: "gateway.yaml:31: routes[2].canary.owner: \"coments\" is no owner; known: comments, monolith"},
			{At: now.Add(-4 * time.Minute), Source: "api", Revision: 41, What: []string{"comments-read: monolith 95 %, comments 5 %, was monolith 99 %, comments 1 %"}},
			{At: now.Add(-50 * time.Minute), Source: "file", Revision: 40, What: []string{"comments-read: monolith 99 %, comments 1 %, was monolith, shadowed by comments", "owner comments: new"}},
			{At: now.Add(-26 * time.Hour), Source: "file", Revision: 39},
		},
	}}
}

func monolith() status.Owner {
	database := status.Use{Kind: "postgres", Name: "blog", Address: "postgres.blog.svc:5432"}
	return status.Owner{
		Name: "monolith", Balance: "round_robin", Affinity: "banyan_replica", Home: "monolith-0", PerSecond: 212.4, InFlight: 7, MaxInFlight: 512, Retries: 12,
		Breaker: &status.Breaker{State: status.Closed},
		Replicas: []status.Replica{
			{Name: "monolith-0", URL: "http://10.0.0.11:8080", Healthy: true, InFlight: 4, Requests: 48211, Pinned: 512, PerSecond: 110.2, Version: "06-comments-reads"},
			{Name: "monolith-1", URL: "http://10.0.0.12:8080", Healthy: false, Reason: "dial tcp 10.0.0.12:8080: connection refused", Requests: 20111, Failures: 3, Pinned: 210},
			{Name: "monolith-2", URL: "http://10.0.0.13:8080", Healthy: true, EjectedUntil: in(7 * time.Second), InFlight: 3, Requests: 47013, Failures: 9, Pinned: 333, PerSecond: 102.2, Version: "06-comments-reads"},
		},
		Uses: []status.Use{database, {Kind: "redis", Name: "sessions", Address: "redis:6379"}, {Kind: "mail", Name: "mail", Address: "smtp:25"}, {Kind: "kafka", Name: "kafka", Address: "kafka:9092", Topics: []string{"blog.posts", "blog.comments"}}},
	}
}

func comments() status.Owner {
	return status.Owner{
		Name: "comments", Address: "http://comments:8080", Balance: "least_requests", PerSecond: 6.3, InFlight: 1,
		Breaker:  &status.Breaker{State: status.HalfOpen},
		Replicas: []status.Replica{{Name: "10.0.1.4:8080", URL: "http://10.0.1.4:8080", Healthy: true, InFlight: 1, Requests: 912, PerSecond: 6.3}},
		Uses:     []status.Use{{Kind: "postgres", Name: "comments", Address: "postgres.comments.svc:5432"}, {Kind: "kafka", Name: "kafka", Address: "kafka:9092", Topics: []string{"blog.comments"}}},
	}
}

func query() status.Owner {
	return status.Owner{Name: "query", Address: "http://query:8080", Balance: "round_robin"}
}

func sampleRoutes() []status.Route {
	return []status.Route{
		{
			Name: "comments-read", Path: "/api/v1/posts/{id}/comments", Methods: []string{"GET", "HEAD"}, Owner: "monolith", Timeout: "3s", Figures: figures(7512, 3, 126.1, 6, 40),
			Sides: []status.Side{
				{Owner: "monolith", Role: status.Baseline, Share: 95, Figures: figures(7150, 0, 119.8, 6, 40)},
				{Owner: "comments", Role: status.Canaried, Share: 5, Figures: figures(362, 3, 6.3, 4, 250)},
			},
			Canary: &status.Canary{Owner: "comments", Percent: 5, By: "user", Salt: "comments"},
			Shadow: &status.Shadow{Owner: "comments", Percent: 10, Sent: 812, Matched: 799, Mismatched: 11, Failed: 2, Pending: 1, PerSecond: 11.9},
		},
		{
			Name: "comments-write", Path: "/api/v1/posts/{id}/comments", Methods: []string{"POST"}, Owner: "monolith", Timeout: "5s", Figures: figures(240, 0, 0, 15, 60),
			Sides: []status.Side{{Owner: "monolith", Role: status.Baseline, Share: 100, Figures: figures(240, 0, 0, 15, 60)}},
			Hold:  status.Hold{Held: true, ID: "ABC", Until: in(4 * time.Second), Waiting: 12, InFlight: 3, HeldTotal: 12},
		},
		{
			Name: "POST /api/v1/sessions", Path: "/api/v1/sessions", Methods: []string{"POST"}, Owner: "monolith", Timeout: "15s", Figures: figures(12, 0, 0.2, 60, 100),
			Sides: []status.Side{{Owner: "monolith", Role: status.Baseline, Share: 100, Figures: figures(12, 0, 0.2, 60, 100)}},
			Hold:  status.Hold{HeldTotal: 120, P50: 250, P99: 500, Refused: 2}, RateLimited: 4,
		},
		{
			Name: "/*", Path: "/*", Owner: "monolith", Timeout: "15s", Figures: figures(5519, 1, 92.4, 10, 100),
			Sides: []status.Side{{Owner: "monolith", Role: status.Baseline, Share: 100, Figures: figures(5519, 1, 92.4, 10, 100)}},
		},
	}
}

const sampleText = `revision: 41
owners:
  monolith:
    address: http://monolith:8080   # three replicas behind a headless Service
routes:
  - {match: {path: "/*"}, owner: monolith}
`
