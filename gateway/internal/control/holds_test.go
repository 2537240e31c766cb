package control_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/control/status"
)

// theHold is a hold as the API tells it.
type theHold struct {
	ID       string
	Routes   []string
	Until    time.Time
	InFlight int64 `json:"in_flight"`
}

func (r *rig) holding(t *testing.T, method, path, body string) (int, theHold, string) {
	t.Helper()
	res, text := r.do(t, method, path, body, "Authorization", "Bearer secret")
	var h theHold
	if res.StatusCode < 300 && text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &h))
	}
	return res.StatusCode, h, text
}

func (r *rig) routeStatus(name string) status.Route {
	for _, route := range r.control.Status().Routes {
		if route.Name == name {
			return route
		}
	}
	return status.Route{}
}

func TestAHoldIsBegunRenewedAndReleased(t *testing.T) {
	r := newRig(t, "secret")
	gate := r.current.Lasting.Holds.Gate("GET /a/*")
	require.True(t, gate.Enter(), "one is under way")
	code, h, body := r.holding(t, "POST", "/api/holds", `{"routes": ["GET /a/*"], "for": "20s"}`)
	require.Equal(t, 201, code, body)
	require.Equal(t, []string{"GET /a/*"}, h.Routes)
	require.EqualValues(t, 1, h.InFlight)
	require.WithinDuration(t, time.Now().Add(20*time.Second), h.Until, 10*time.Second)
	require.False(t, gate.Enter())

	held := r.routeStatus("GET /a/*").Hold
	require.True(t, held.Held)
	require.Equal(t, h.ID, held.ID)
	require.EqualValues(t, 1, held.InFlight)
	require.False(t, r.routeStatus("/*").Hold.Held)

	code, _, body = r.holding(t, "POST", "/api/holds", `{"routes": ["/*", "GET /a/*"], "for": "20s"}`)
	require.Equal(t, 409, code, body)
	require.False(t, r.routeStatus("/*").Hold.Held, "all or none")

	code, still, _ := r.holding(t, "GET", "/api/holds/"+h.ID+"?wait=10ms", "")
	require.Equal(t, 200, code)
	require.EqualValues(t, 1, still.InFlight)
	gate.Leave()
	code, drained, _ := r.holding(t, "GET", "/api/holds/"+h.ID+"?wait=10s", "")
	require.Equal(t, 200, code)
	require.Zero(t, drained.InFlight)

	code, renewed, body := r.holding(t, "POST", "/api/holds/"+h.ID+"/renew", `{"for": "50s"}`)
	require.Equal(t, 200, code, body)
	require.True(t, renewed.Until.After(h.Until))
	code, _, _ = r.holding(t, "DELETE", "/api/holds/"+h.ID, "")
	require.Equal(t, 204, code)
	require.True(t, gate.Enter())
	gate.Leave()
	require.Empty(t, r.routeStatus("GET /a/*").Hold.ID)
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/api/holds/" + h.ID, ""}, {"DELETE", "/api/holds/" + h.ID, ""}, {"POST", "/api/holds/" + h.ID + "/renew", `{"for": "5s"}`},
	} {
		code, _, body := r.holding(t, call.method, call.path, call.body)
		require.Equal(t, 404, code, call.method)
		require.Contains(t, body, "it was released or has ended")
	}
}

func TestWhoWaitsForAHoldHearsThatItEnded(t *testing.T) {
	r := newRig(t, "secret")
	gate := r.current.Lasting.Holds.Gate("/*")
	require.True(t, gate.Enter())
	defer gate.Leave()
	_, h, _ := r.holding(t, "POST", "/api/holds", `{"routes": ["/*"], "for": "100ms"}`)
	code, _, body := r.holding(t, "GET", "/api/holds/"+h.ID+"?wait=20s", "")
	require.Equal(t, 404, code, body)
}

func TestWhatCannotBeHeldIsSaid(t *testing.T) {
	r := newRig(t, "secret")
	for name, c := range map[string]struct {
		body string
		code int
		says string
	}{
		"no such route": {`{"routes": ["/nowhere"], "for": "5s"}`, 404, `\"/nowhere\" is no route`},
		"no route":      {`{"for": "5s"}`, 422, `\"routes\": [\"name\"]`},
		"no time":       {`{"routes": ["/*"]}`, 422, `\"for\": \"10s\"`},
		"too long":      {`{"routes": ["/*"], "for": "2h"}`, 422, "at most 1m0s"},
		"not at all":    {`{"routes": ["/*"], "for": "-1s"}`, 422, "at most 1m0s"},
		"no JSON":       {`routes=/*&for=5s`, 400, "can't be read"},
		"unknown field": {`{"routes": ["/*"], "for": "5s", "force": true}`, 400, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, body := r.holding(t, "POST", "/api/holds", c.body)
			require.Equal(t, c.code, code, body)
			require.Contains(t, body, c.says)
			require.False(t, r.routeStatus("/*").Hold.Held)
		})
	}
}

// Every change asks for the token, in the header and nowhere else.
func TestNothingChangesWithoutTheToken(t *testing.T) {
	r := newRig(t, "secret")
	for _, call := range []struct{ method, path string }{
		{"PUT", "/api/config"}, {"POST", "/api/routes/" + url.PathEscape("/*") + "/canary"}, {"POST", "/api/holds"},
		{"POST", "/api/holds/x/renew"}, {"DELETE", "/api/holds/x"}, {"GET", "/api/token"},
	} {
		for name, headers := range map[string][]string{
			"none": nil, "empty": {"Authorization", "Bearer "}, "wrong": {"Authorization", "Bearer secre"}, "longer": {"Authorization", "Bearer secrets"},
			"basic": {"Authorization", "Basic OnNlY3JldA=="}, "cookie": {"Cookie", "token=secret", "Content-Type", "application/x-www-form-urlencoded"},
		} {
			res, body := r.do(t, call.method, call.path+"?token=secret", "token=secret", headers...)
			require.Equal(t, 401, res.StatusCode, "%s %s with %s", call.method, call.path, name)
			require.Contains(t, res.Header.Get("WWW-Authenticate"), "Bearer")
			require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			require.Contains(t, body, "send Authorization: Bearer with the gateway's ADMIN_TOKEN")
		}
	}
	res, _ := r.do(t, "GET", "/api/token", "", "Authorization", "Bearer secret")
	require.Equal(t, 204, res.StatusCode)
	require.EqualValues(t, 3, r.current.Snapshot().Revision)
}
