package httpkit_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
)

func TestATakenPortIsNamed(t *testing.T) {
	first, err := httpkit.Listen("LISTEN_ADDR", "127.0.0.1:0", quiet())
	require.NoError(t, err)
	t.Cleanup(func() { _ = first.Drain(context.Background(), 0) })
	_, err = httpkit.Listen("LISTEN_ADDR", first.Address(), quiet())
	require.ErrorContains(t, err, "LISTEN_ADDR")
	require.ErrorContains(t, err, first.Address())
	require.ErrorContains(t, err, "taken")
	_, err = httpkit.Listen("ADMIN_ADDR", "nonsense", quiet())
	require.ErrorContains(t, err, `ADMIN_ADDR "nonsense"`)
}

func TestDrainLosesNoRequest(t *testing.T) {
	port, err := httpkit.Listen("LISTEN_ADDR", "127.0.0.1:0", quiet())
	require.NoError(t, err)
	entered, release := make(chan struct{}), make(chan struct{})
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/slow", func(c echo.Context) error { close(entered); <-release; return c.String(200, "done") })
	served := make(chan error, 1)
	go func() { served <- port.Serve(e) }()

	answered := make(chan *http.Response, 1)
	go func() {
		answer, _ := send(t, request(t, "GET", "http://"+port.Address()+"/slow", ""))
		answered <- answer
	}()
	<-entered
	require.True(t, port.Ready())
	drained := make(chan error, 1)
	go func() { drained <- port.Drain(context.Background(), 10*time.Millisecond) }()
	<-port.Draining()
	require.False(t, port.Ready())
	close(release)
	require.Equal(t, 200, (<-answered).StatusCode)
	require.NoError(t, <-drained)
	require.NoError(t, <-served)
}

func TestDrainIsBounded(t *testing.T) {
	port, err := httpkit.Listen("LISTEN_ADDR", "127.0.0.1:0", quiet())
	require.NoError(t, err)
	entered := make(chan struct{})
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/hang", func(c echo.Context) error { close(entered); <-c.Request().Context().Done(); return nil })
	served, gone := make(chan error, 1), make(chan struct{})
	go func() { served <- port.Serve(e) }()
	go func() {
		defer close(gone)
		r := request(t, "GET", "http://"+port.Address()+"/hang", "")
		if answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, port.Drain(ctx, 0), "cut off")
	require.NoError(t, <-served)
	<-gone
}

func TestTheAdminPort(t *testing.T) {
	var notReady error
	e := httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: quiet(), Registry: prometheus.NewRegistry(),
		Ready:    func() error { return notReady },
		Topology: func() any { return map[string]string{"host": "test"} },
	})
	e.GET("/people", func(c echo.Context) error { return c.String(200, "secret") }, httpkit.Bearer("the-token"))
	e.GET("/closed", func(c echo.Context) error { return c.String(200, "secret") }, httpkit.Bearer(""))
	httpkit.Guard(e, "the-token", map[string]http.Handler{"/moves": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })})
	s := server(t, e)
	status := func(path string, headers ...string) int {
		answer, _ := send(t, request(t, "GET", s.URL+path, "", headers...))
		return answer.StatusCode
	}
	for _, path := range []string{"/livez", "/readyz", "/healthz", "/metrics", "/topology"} {
		require.Equal(t, 200, status(path), path)
	}
	notReady = context.Canceled
	require.Equal(t, 503, status("/readyz"))
	require.Equal(t, 200, status("/livez"))
	require.Equal(t, 401, status("/people"))
	require.Equal(t, 401, status("/people", "Authorization", "Bearer wrong"))
	require.Equal(t, 200, status("/people", "Authorization", "Bearer the-token"))
	require.Equal(t, 401, status("/closed", "Authorization", "Bearer "))
	for _, path := range []string{"/moves", "/moves/1/of/2"} {
		require.Equal(t, 401, status(path))
		require.Equal(t, 202, status(path, "Authorization", "Bearer the-token"))
	}
}
