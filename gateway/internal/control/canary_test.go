package control_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/current"
)

// steered has comments, odd spacing, a canary on the line of its route, letters of
// more than one byte before it, and two canaries.
const steered = `# Größe zählt nicht
revision:   3   # raise me
owners:
  monolith: {replicas: [{name: m0, url: "http://127.0.0.1:1"}]}

  comments: {replicas: [{name: c0, url: "http://127.0.0.1:2"}]}   # the new one
routes:
  - {name: "lesen/ä", match: {path: "/a/*", methods: [GET]}, owner: monolith, canary: {owner: comments, percent: 5, by: user}}
  - name: write
    match: {path: /a/*, methods: [POST]}
    owner: monolith
    canary:
      percent:  2.5   # by and by
      owner: comments
  - {match: {path: "/*"}, owner: monolith}
`

func (r *rig) steer(t *testing.T, route, percent, match string) (int, string) {
	t.Helper()
	res, body := r.do(t, "POST", "/api/routes/"+url.PathEscape(route)+"/canary", `{"percent": `+percent+`}`, "Authorization", "Bearer secret", "If-Match", match)
	return res.StatusCode, body
}

func TestACanaryGetsAnotherShareAndTheTextStays(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(steered, "3   #", "7   #", 1)), current.Any))
	status, body := r.steer(t, "lesen/ä", "12.75", `"7"`)
	require.Equal(t, 200, status, body)
	var told struct {
		Revision int64
		Note     string
	}
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	require.EqualValues(t, 8, told.Revision)
	require.Contains(t, told.Note, "The file is now behind: write percent 12.75 and revision 8")
	_, page := r.do(t, "GET", "/_strangler/", "")
	require.Contains(t, page, "the file says something else")
	want := strings.NewReplacer("revision:   3", "revision:   8", "percent: 5,", "percent: 12.75,").Replace(steered)
	require.Equal(t, want, string(r.current.Snapshot().Table.Config.Source))

	status, body = r.steer(t, "write", "0", "*")
	require.Equal(t, 200, status, body)
	want = strings.NewReplacer("revision:   8", "revision:   9", "percent:  2.5 ", "percent:  0 ").Replace(want)
	require.Equal(t, want, string(r.current.Snapshot().Table.Config.Source))
	require.Equal(t, 1275, r.current.Snapshot().Table.Routes[0].Canary.Share)
	require.Zero(t, r.current.Snapshot().Table.Routes[1].Canary.Share)
}

func TestACanaryInJSONOrWithoutRevisionIsSteeredToo(t *testing.T) {
	r := newRig(t, "secret")
	const text = `{"owners":{"a":{"address":"http://127.0.0.1:1"},"b":{"address":"http://127.0.0.1:2"}},"routes":[{"name":"x","match":{"path":"/*"},"owner":"a","canary":{"owner":"b","percent":1}}]}`
	require.NoError(t, r.current.Apply("file", "gateway.json", []byte(text), current.Any))
	status, body := r.steer(t, "x", "100", `"4"`)
	require.Equal(t, 200, status, body)
	require.Equal(t, strings.Replace(text, `"percent":1`, `"percent":100`, 1), string(r.current.Snapshot().Table.Config.Source))
	require.EqualValues(t, 5, r.current.Snapshot().Revision)
}

func TestWhatCannotBeSteeredIsSaid(t *testing.T) {
	r := newRig(t, "secret")
	const owners = "revision: 4\nowners: {a: {address: \"http://127.0.0.1:1\"}, b: {address: \"http://127.0.0.1:2\"}}\n"
	const shared = owners + "routes:\n  - {name: one, match: {path: /a}, owner: a, canary: &c {owner: b, percent: 5}}\n  - {name: two, match: {path: /b}, owner: a, canary: *c}\n  - {name: bare, match: {path: /c}, owner: a}\n"
	require.NoError(t, r.current.Apply("file", "f", []byte(shared), current.Any))
	for _, c := range []struct {
		name, route, percent, match string
		status                      int
		says                        string
	}{
		{"no such route", "three", "5", `"4"`, 404, "is no route; GET /api/status names them"},
		{"no canary", "bare", "5", `"4"`, 409, "bare has no canary: add canary"},
		{"two routes share it", "two", "6", `"4"`, 409, "can't be edited in place"},
		{"too much", "one", "101", `"4"`, 422, "from 0 to 100"},
		{"negative", "one", "-1", `"4"`, 422, "from 0 to 100"},
		{"nothing", "one", "null", `"4"`, 422, "from 0 to 100"},
		{"no number", "one", `"5"`, `"4"`, 400, "can't be read"},
		{"another field", "one", `5, "owner": "c"`, `"4"`, 400, "unknown field"},
		{"nothing seen", "one", "6", "", 428, "If-Match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := r.steer(t, c.route, c.percent, c.match)
			require.Equal(t, c.status, status, body)
			require.Contains(t, body, c.says)
		})
	}
	require.EqualValues(t, 4, r.current.Snapshot().Revision)

	single := strings.Replace(strings.Replace(shared, "&c ", "", 1), "*c", "{owner: b, percent: 5}", 1)
	require.NoError(t, r.current.Apply("file", "f", []byte(strings.Replace(single, "revision: 4", "revision: 5", 1)), current.Any))
	status, body := r.steer(t, "one", "6", `"4"`)
	require.Equal(t, 412, status, body)
	status, body = r.steer(t, "one", "0.001", `"5"`)
	require.Equal(t, 422, status, body)
	require.Contains(t, body, "percent")
}

// FuzzSteering changes a share in whatever text is a configuration: it has the share
// afterwards, or the change is refused. That nothing else differs is checked within.
func FuzzSteering(f *testing.F) {
	f.Add(steered, 0, 50.0)
	f.Add("revision: 1\nowners: {a: {address: \"http://a\"}}\nroutes: [{match: {path: /a}, owner: a, canary: {owner: a, percent: 1}}]\n", 0, 0.01)
	f.Fuzz(func(t *testing.T, text string, route int, percent float64) {
		out, err := control.Steer(text, route, percent)
		if err != nil {
			return
		}
		c, err := config.Parse("steered", []byte(out))
		require.NoError(t, err)
		require.InDelta(t, percent*100, c.Routes[route].Canary.Share, 1e-6)
	})
}
