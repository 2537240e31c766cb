package control_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/current"
)

// owned has what moves in several spellings, and a canary that rests once it has.
const owned = `# wer hat was — äöü
revision: 3
resources:
  comments: {epoch: 4, owner: monolith}   # moves in step 07
  posts:
    owner: "monolith"
    epoch: 1
owners:
  monolith: {address: "http://127.0.0.1:1", timeout: 15s}
  comments: {address: "http://127.0.0.1:2", timeout: 5s}
  "7": {address: "http://127.0.0.1:3"}
routes:
  - {name: write, match: {path: "/c", methods: [POST]}, resource: comments}
  - {name: read, match: {path: "/c"}, resource: comments, canary: {owner: comments, percent: 25}}
  - {name: page, match: {path: "/p/{id}"}, owner: monolith}
  - {match: {path: "/*"}, resource: posts}
`

func (r *rig) moves(t *testing.T, resource, body string) (int, string) {
	t.Helper()
	res, text := r.do(t, "PUT", "/api/resources/"+resource, body, "Authorization", "Bearer secret")
	return res.StatusCode, text
}

func (r *rig) source() string { return string(r.current.Snapshot().Table.Config.Source) }

func TestAResourceIsMovedAndTheTextStays(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(owned, "revision: 3", "revision: 7", 1)), current.Any))
	code, body := r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
	require.Equal(t, 200, code, body)
	require.JSONEq(t, `{"name": "comments", "owner": "comments", "epoch": 5, "revision": 8, "changed": true}`, body)
	want := strings.NewReplacer("revision: 3", "revision: 8", "{epoch: 4, owner: monolith}", "{epoch: 5, owner: comments}").Replace(owned)
	require.Equal(t, want, r.source())
	require.Equal(t, "comments", r.routeStatus("write").Owner)
	require.Equal(t, "5s", r.routeStatus("read").Timeout)
	require.Nil(t, r.routeStatus("read").Canary, "it rests")

	code, body = r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
	require.Equal(t, 200, code)
	require.Contains(t, body, `"changed":false`, "the same again is no error: its answer may have been lost")
	require.EqualValues(t, 8, r.current.Snapshot().Revision)

	code, body = r.moves(t, "comments", `{"owner": "monolith", "epoch": 6}`)
	require.Equal(t, 200, code, body)
	require.Equal(t, strings.NewReplacer("revision: 3", "revision: 9", "epoch: 4", "epoch: 6").Replace(owned), r.source(), "back, and the canary is in force again")
	require.EqualValues(t, 25, r.routeStatus("read").Canary.Percent)

	code, body = r.moves(t, "posts", `{"owner": "7", "epoch": 2}`)
	require.Equal(t, 200, code, body)
	require.Contains(t, r.source(), `owner: "7"`)
	code, body = r.moves(t, "comments", `{"owner": "7", "epoch": 9}`)
	require.Equal(t, 200, code, body)
	require.Contains(t, r.source(), `{epoch: 9, owner: "7"}`, "in quotes, or YAML would read a number")

	s := r.control.Status()
	require.Len(t, s.Resources, 2)
	require.Equal(t, "7", s.Resources[0].Owner)
	require.EqualValues(t, 9, s.Resources[0].Epoch)
	require.Equal(t, []string{"write", "read"}, s.Resources[0].Routes)
	require.Contains(t, s.History[0].What, "resource comments: 7's in epoch 9, was monolith's in epoch 6")
	_, body = r.do(t, "GET", "/api/resources/comments", "")
	require.JSONEq(t, `{"name": "comments", "owner": "7", "epoch": 9, "revision": 11, "changed": false}`, body)
	_, body = r.do(t, "GET", "/topology", "")
	require.Contains(t, body, `"resources":{"comments":{"owner":"7","epoch":9},"posts":{"owner":"7","epoch":2}}`)
}

func TestAMoveInJSONAndWithoutRevision(t *testing.T) {
	r := newRig(t, "secret")
	const text = `{"owners":{"a":{"address":"http://127.0.0.1:1"},"b":{"address":"http://127.0.0.1:2"}},"resources":{"x":{"owner":"a","epoch":1}},"routes":[{"match":{"path":"/*"},"resource":"x"}]}`
	require.NoError(t, r.current.Apply("file", "gateway.json", []byte(text), current.Any))
	code, body := r.moves(t, "x", `{"owner": "b", "epoch": 2}`)
	require.Equal(t, 200, code, body)
	require.Equal(t, strings.Replace(text, `"owner":"a","epoch":1`, `"owner":"b","epoch":2`, 1), r.source())
	require.EqualValues(t, 5, r.current.Snapshot().Revision)
}

func TestMovesThatAreRefused(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(owned, "revision: 3", "revision: 4", 1)), current.Any))
	for name, c := range map[string]struct {
		resource, body string
		code           int
		says           string
	}{
		"an earlier epoch":  {"comments", `{"owner": "comments", "epoch": 3}`, 409, "comments belongs to monolith since epoch 4, and epoch 3 is over"},
		"the same epoch":    {"comments", `{"owner": "comments", "epoch": 4}`, 409, "comments belongs to monolith in epoch 4; giving it to comments takes a later one"},
		"no such resource":  {"nothing", `{"owner": "comments", "epoch": 9}`, 404, "is no resource"},
		"no such owner":     {"comments", `{"owner": "nobody", "epoch": 9}`, 422, `\"nobody\" is no owner; known: 7, comments, monolith`},
		"no owner":          {"comments", `{"epoch": 9}`, 422, `write {\"owner\"`},
		"no epoch":          {"comments", `{"owner": "comments"}`, 422, "epochs are above 0"},
		"a name with YAML":  {"comments", `{"owner": "a}, posts: {owner: x", "epoch": 9}`, 422, "is no owner"},
		"a name with lines": {"comments", `{"owner": "comments\nrevision: 9", "epoch": 9}`, 422, ""},
		"a quote":           {"posts", `{"owner": "a\"b", "epoch": 9}`, 422, ""},
		"an unknown field":  {"comments", `{"owner": "comments", "epoch": 9, "force": true}`, 400, "unknown field"},
	} {
		code, body := r.moves(t, c.resource, c.body)
		require.Equal(t, c.code, code, "%s: %s", name, body)
		require.Contains(t, body, c.says, name)
		require.EqualValues(t, 4, r.current.Snapshot().Revision, name)
	}
	code, body := r.do(t, "PUT", "/api/resources/comments", `{"owner": "comments", "epoch": 9}`)
	require.Equal(t, 401, code.StatusCode, body)
}

func TestTwoResourcesInOnePlaceAreNotMovedTogether(t *testing.T) {
	r := newRig(t, "secret")
	const text = "revision: 4\nresources: {a: &x {owner: o, epoch: 1}, b: *x}\nowners: {o: {address: \"http://127.0.0.1:1\"}, p: {address: \"http://127.0.0.1:1\"}}\nroutes: [{match: {path: /*}, resource: a}]\n"
	require.NoError(t, r.current.Apply("file", "f", []byte(text), current.Any))
	code, body := r.moves(t, "a", `{"owner": "p", "epoch": 2}`)
	require.Equal(t, 409, code, body)
	require.Contains(t, body, "can't be edited in place")
}

// Many who tell the same and others who steer something else at the same time: all are
// heard, nobody has to try again.
func TestMovesAndOtherChangesDoNotDisturbEachOther(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(owned, "revision: 3", "revision: 4", 1)), current.Any))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			code, body := r.moves(t, "posts", `{"owner": "comments", "epoch": 2}`)
			require.Equal(t, 200, code, body)
		})
		all.Go(func() {
			code, body := r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
			require.Equal(t, 200, code, body)
		})
	}
	all.Wait()
	require.EqualValues(t, 6, r.current.Snapshot().Revision)
}

// The file is written first, and the API may be faster than its watcher; or the other
// way about. Either way both say the same in the end, and nothing is refused.
func TestTheFileAndTheCallAgreeInWhateverOrder(t *testing.T) {
	before := strings.Replace(owned, "revision: 3", "revision: 7", 1)
	file := strings.NewReplacer("revision: 3", "revision: 8", "epoch: 4, owner: monolith", "owner: comments, epoch: 5", "# moves", "# moved").Replace(owned)
	for _, watcherFirst := range []bool{false, true} {
		r := newRig(t, "secret")
		require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(before), current.Any))
		watcher := func() { require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(file), current.Any)) }
		if watcherFirst {
			watcher()
		}
		code, body := r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
		require.Equal(t, 200, code, body)
		if !watcherFirst {
			require.True(t, r.current.FileDiffers())
			watcher()
		}
		require.EqualValues(t, 8, r.current.Snapshot().Revision)
		require.False(t, r.current.FileDiffers())
		require.Equal(t, file, r.source())
		require.Nil(t, r.current.Refused())
	}
}

// A file of somebody who doesn't know of the move can't undo it, whatever its revision.
func TestAFileFromBeforeTheMoveIsRefused(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(owned, "revision: 3", "revision: 7", 1)), current.Any))
	code, body := r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
	require.Equal(t, 200, code, body)
	late := strings.Replace(owned, "revision: 3", "revision: 20", 1)
	require.ErrorIs(t, r.current.Apply("file", "gateway.yaml", []byte(late), current.Any), current.ErrOutrun)
	require.Contains(t, r.current.Refused().Reason, "a resource is further on: comments belongs to comments since epoch 5")
	res, text := r.do(t, "PUT", "/api/config", late, "Authorization", "Bearer secret", "If-Match", "*")
	require.Equal(t, 409, res.StatusCode, text)
}

func TestARouteIsHeldByItsResource(t *testing.T) {
	r := newRig(t, "secret")
	require.NoError(t, r.current.Apply("file", "gateway.yaml", []byte(strings.Replace(owned, "revision: 3", "revision: 7", 1)), current.Any))
	code, h, body := r.holding(t, "POST", "/api/holds", `{"resource": "comments", "routes": ["page"], "label": "move comments to epoch 5", "for": "20s"}`)
	require.Equal(t, 201, code, body)
	require.Equal(t, []string{"page", "read", "write"}, h.Routes)
	require.Contains(t, body, `"resource":"comments","label":"move comments to epoch 5"`)
	require.True(t, r.routeStatus("page").Hold.Held)
	require.False(t, r.routeStatus("/*").Hold.Held)

	res, list := r.do(t, "GET", "/api/holds", "")
	require.Equal(t, 200, res.StatusCode)
	var told struct{ Holds []theHold }
	require.NoError(t, json.Unmarshal([]byte(list), &told))
	require.Equal(t, []theHold{h}, told.Holds)
	require.Contains(t, list, "move comments to epoch 5", "by which a holder that came back knows its own")

	moved, text := r.moves(t, "comments", `{"owner": "comments", "epoch": 5}`)
	require.Equal(t, 200, moved, "a hold is for this: "+text)
	code, _, _ = r.holding(t, "DELETE", "/api/holds/"+h.ID, "")
	require.Equal(t, 204, code)
	_, list = r.do(t, "GET", "/api/holds", "")
	require.JSONEq(t, `{"holds": []}`, list)

	for body, want := range map[string]int{
		`{"resource": "nothing", "for": "5s"}`: 404, `{"resource": "comments", "routes": ["nowhere"], "for": "5s"}`: 404,
		`{"label": "x", "for": "5s"}`: 422, `{"resource": "comments", "label": "` + strings.Repeat("x", 201) + `", "for": "5s"}`: 422,
	} {
		code, _, text := r.holding(t, "POST", "/api/holds", body)
		require.Equal(t, want, code, text)
	}
}

// FuzzMoving moves a resource in whatever text is a configuration: it is where it was
// moved to afterwards, or the move is refused. That nothing else differs is checked
// within.
func FuzzMoving(f *testing.F) {
	f.Add(owned, "comments", "comments", int64(5))
	f.Add(owned, "posts", "7", int64(2))
	f.Add("owners: {a: {address: \"http://a\"}}\nresources: {a: {epoch: 1, owner: 'a'}}\nroutes: [{match: {path: /a}, resource: a}]\n", "a", "a", int64(3))
	f.Fuzz(func(t *testing.T, text, resource, owner string, epoch int64) {
		out, err := control.Move(text, resource, owner, epoch)
		if err != nil {
			return
		}
		c, err := config.Parse("moved", []byte(out))
		require.NoError(t, err)
		require.Equal(t, config.Resource{Name: resource, Owner: owner, Epoch: epoch}, *c.Resource(resource))
	})
}
