package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/command"
	"banyan.dev/strangler/internal/ramp"
)

// side is a small application: one of the two that answer a route.
type side struct {
	*httptest.Server
	failEvery int           // the how manieth request gets 500; 0 is none
	delay     time.Duration // of each answer
	answer    string

	asked, failed atomic.Int64
}

func startSide(t *testing.T, s *side) *side {
	t.Helper()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/livez" {
			return
		}
		time.Sleep(s.delay)
		if n := s.asked.Add(1); s.failEvery > 0 && n%int64(s.failEvery) == 0 {
			s.failed.Add(1)
			http.Error(w, "a planted bug", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

const (
	good      = `{"title": "Banyan", "tags": ["a", "b"]}`
	different = `{"title": "Banyan", "tags": ["a"]}`
)

// ramped are two gateways with one file, before a baseline and a canary.
type ramped struct {
	file             string
	public, admin    []string
	baseline, canary *side
}

const rampToken = "a-token-of-the-tests"

func startRamped(t *testing.T, canary *side, shadow string) *ramped {
	t.Helper()
	r := &ramped{baseline: startSide(t, &side{answer: good}), canary: startSide(t, canary), file: filepath.Join(t.TempDir(), "gateway.yaml")}
	require.NoError(t, os.WriteFile(r.file, []byte(fmt.Sprintf(`# two owners
revision: 41   # of the test
owners:
  old:  {replicas: [{name: old-0, url: %q}]}
  next: {replicas: [{name: next-0, url: %q}]}
routes:
  - name: reads
    match: {path: "/*", methods: [GET]}
    owner: old
    canary: {owner: next, percent: 0, by: user}  # a person stays where they are
%s`, r.baseline.URL, r.canary.URL, shadow)), 0o600))
	for range 2 {
		public, admin := address(t), address(t)
		runs(t, "gateway", admin, "CONFIG_FILE="+r.file, "LISTEN_ADDR="+public, "ADMIN_TOKEN="+rampToken, "LOG_LEVEL=warn", "DRAIN_NOTICE=0s")
		r.public, r.admin = append(r.public, "http://"+public), append(r.admin, "http://"+admin)
	}
	return r
}

// users come, each with a cookie jar, by one gateway after the other, until stop, which
// tells how many of their requests failed, and of how many.
func (r *ramped) users(t *testing.T, n int) (stop func() (failed, asked int64)) {
	t.Helper()
	var failures, requests atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			client := &http.Client{Jar: newJar(), Transport: transport}
			for turn := i; ctx.Err() == nil; turn++ {
				ok := get(client, r.public[turn%len(r.public)]+"/a")
				requests.Add(1)
				if !ok {
					failures.Add(1)
				}
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	return func() (int64, int64) {
		cancel()
		all.Wait()
		transport.CloseIdleConnections()
		return failures.Load(), requests.Load()
	}
}

func newJar() http.CookieJar {
	jar, _ := cookiejar.New(nil) // it fails for no options
	return jar
}

func get(client *http.Client, url string) bool {
	res, err := client.Get(url)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// ramp runs the command, with a hold of its own, and returns its last line.
func (r *ramped) ramp(t *testing.T, hold string, more ...string) (ramp.Outcome, error) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(rampToken+"\n"), 0o600))
	var out, progress bytes.Buffer
	err := command.Execute(t.Context(), append([]string{
		"ramp", "reads", "--to", "100", "--steps", "10,50", "--hold", hold, "--every", "100ms", "--min-requests", "50", "--json",
		"--gateway", strings.Join(r.admin, ","), "--file", r.file, "--token-file", token,
	}, more...), &out, &progress)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last ramp.Outcome
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last), "%s%s%v", out.String(), progress.String(), err)
	t.Logf("%s at %s after %.1f s: %s", last.Result, last.Reached, last.Seconds, last.Why)
	return last, err
}

// has tells that the file and both gateways have a share in force, at one revision.
func (r *ramped) has(t *testing.T, share string, revision int64) []ramp.Reading {
	t.Helper()
	content, err := os.ReadFile(r.file)
	require.NoError(t, err)
	require.Contains(t, string(content), "percent: "+share+", by: user}  # a person stays where they are", "the comment too")
	require.Contains(t, string(content), fmt.Sprintf("revision: %d   # of the test", revision))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	readings, err := ramp.Gateways{URLs: r.admin, Client: client}.Readings(t.Context(), "reads")
	require.NoError(t, err)
	require.Len(t, readings, 2)
	for _, reading := range readings {
		require.Equal(t, share, reading.Share.Percent())
		require.Equal(t, revision, reading.Revision)
	}
	return readings
}

func TestARampTakesAGoodCanaryToEverybody(t *testing.T) {
	t.Parallel()
	r := startRamped(t, &side{answer: good}, "    shadow: {owner: next, percent: 20, compare: {body: json}}\n")
	stop := r.users(t, 100)
	// Both sides are in this process: a pause of the machine falls on one of them.
	out, err := r.ramp(t, "1s", "--latency-floor", "1s")
	failed, asked := stop()
	require.NoError(t, err)
	require.Equal(t, ramp.Done, out.Result)
	require.Zero(t, failed, "of %d", asked)
	for _, reading := range r.has(t, "100", 44) {
		require.Positive(t, reading.Shadow.Matched)
		require.Zero(t, reading.Shadow.Mismatched)
	}
}

// Each fault is planted in the canary and must be found at the first share, while the
// share is being held and not at its end.
func TestARampTakesABadCanaryBack(t *testing.T) {
	t.Parallel()
	const hold = 60 * time.Second
	for name, c := range map[string]struct {
		canary *side
		shadow string
		why    string
	}{
		"a bug":      {canary: &side{answer: good, failEvery: 4}, why: "the canary fails"},
		"a delay":    {canary: &side{answer: good, delay: 80 * time.Millisecond}, why: "the canary's p"},
		"a mismatch": {canary: &side{answer: different}, shadow: "    shadow: {owner: next, percent: 20, compare: {body: json}}\n", why: "answers differ from the baseline's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRamped(t, c.canary, c.shadow)
			stop := r.users(t, 100)
			out, err := r.ramp(t, hold.String())
			failed, asked := stop()
			require.ErrorContains(t, err, "reads did not get 100 %: worse; it is at 0 %")
			require.Equal(t, ramp.Worse, out.Result)
			require.Contains(t, out.Why, c.why)
			require.Equal(t, ramp.Share(1000), out.Reached)
			require.Less(t, out.StoppedAfter, hold.Seconds())
			require.Equal(t, c.canary.failed.Load(), failed, "of %d requests only those that met the bug fail", asked)
			r.has(t, "0", 43)
		})
	}
}

// A file that is not what the gateways have in force is not written: more would change
// than the share.
func TestARampRefusesAFileThatIsNotInForce(t *testing.T) {
	t.Parallel()
	r := startRamped(t, &side{answer: good}, "")
	content, err := os.ReadFile(r.file)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	overruled := strings.NewReplacer("revision: 41", "revision: 50", "percent: 0", "percent: 7").Replace(string(content))
	require.NoError(t, ramp.Gateways{URLs: r.admin[1:], Token: rampToken, Client: client}.Put(t.Context(), []byte(overruled)))

	var out, progress bytes.Buffer
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(rampToken), 0o600))
	err = command.Execute(t.Context(), []string{"ramp", "reads", "--gateway", strings.Join(r.admin, ","), "--file", r.file, "--token-file", token}, &out, &progress)
	require.ErrorContains(t, err, r.admin[1]+" has revision 50 with 7 % in force, the file revision 41 with 0 %")
	after, err := os.ReadFile(r.file)
	require.NoError(t, err)
	require.Equal(t, string(content), string(after))
}

// Without a file the admin port is all there is, and says what it had in force.
func TestARampWithoutAFileGoesByTheAdminPort(t *testing.T) {
	t.Parallel()
	r := startRamped(t, &side{answer: good}, "")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	own := &ramp.File{Route: "reads", Gateways: ramp.Gateways{URLs: r.admin, Token: rampToken, Client: client}}
	require.NoError(t, own.Set(t.Context(), 250))
	share, err := own.Share(t.Context())
	require.NoError(t, err)
	require.Equal(t, ramp.Share(250), share)
	own.Gateways.Token = "a-wrong-token-of-the-tests"
	require.ErrorContains(t, own.Set(t.Context(), 300), "401")
}

// One gateway was steered by its admin port, the file says something else under the
// same number: the others take it, that one can't, and all report the number.
func TestOneNumberForTwoTextsIsFound(t *testing.T) {
	t.Parallel()
	r := startRamped(t, &side{answer: good}, "")
	content, err := os.ReadFile(r.file)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	all := ramp.Gateways{URLs: r.admin, Token: rampToken, Client: client}
	steered := strings.NewReplacer("revision: 41", "revision: 42", "by: user", "by: address").Replace(string(content))
	require.NoError(t, ramp.Gateways{URLs: r.admin[1:], Token: rampToken, Client: client}.Put(t.Context(), []byte(steered)))
	written := []byte(strings.Replace(string(content), "revision: 41", "revision: 42", 1))
	require.NoError(t, watch.Write(r.file, written, 0o600))

	require.ErrorContains(t, all.Await(t.Context(), 42, written, nil), "the gateway at "+r.admin[1]+" did not take revision 42: it has another text under that number")
	own := &ramp.File{Route: "reads", Path: r.file, Gateways: all}
	_, err = own.Share(t.Context())
	require.ErrorContains(t, err, "the gateway at "+r.admin[1]+" has revision 42 in force with another text than the file")
	require.NoError(t, own.Set(t.Context(), 100), "a higher number makes them agree")
	share, err := own.Share(t.Context())
	require.NoError(t, err)
	require.Equal(t, ramp.Share(100), share)
}
