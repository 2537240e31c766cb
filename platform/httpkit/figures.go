package httpkit

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// figures counts requests by route pattern, never by path: a client must not be
// able to make new time series. nil counts nothing.
type figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newFigures(r prometheus.Registerer) *figures {
	if r == nil {
		return nil
	}
	f := &figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_seconds", Help: "Time to answer in seconds, by route pattern and method.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
	}
	r.MustRegister(f.requests, f.seconds)
	return f
}

func (f *figures) note(c echo.Context, status int, took time.Duration) {
	if f == nil {
		return
	}
	route, method := c.Path(), methodOf(c.Request())
	if route == "" {
		route = "none"
	}
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
	default:
		method = "other"
	}
	f.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	f.seconds.WithLabelValues(route, method).Observe(took.Seconds())
}
