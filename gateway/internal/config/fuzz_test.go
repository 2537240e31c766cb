package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"banyan.dev/gateway/internal/config"
)

// Whatever the bytes are: a sound configuration or errors that say where, never a
// panic, never both.
func FuzzParse(f *testing.F) {
	f.Add([]byte(owners + "routes: [{match: {path: /a}, owner: monolith}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("owners: &o {a: {address: \"http://a\"}}\nroutes: [&r {match: {path: /}, owner: a}, *r]\n<<: *o\n"))
	f.Add([]byte(everything))
	f.Add(fmt.Appendf(nil, policies, "", "", ", canary: {owner: b, percent: 0.01}"))
	for _, pattern := range []string{"../../*.yaml", "../../../migration-steps/*/gateway.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse("fuzz", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("neither a configuration nor an error, or both: %v %v", c, err)
		}
		if err == nil {
			mustBeSound(t, c)
			return
		}
		var problems config.Errors
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("%v is no list of problems", err)
		}
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + strings.Count(string(text), "\u2028") + strings.Count(string(text), "\u2029") + strings.Count(string(text), "\u0085") + 1
		for _, p := range problems {
			if p.File != "fuzz" || p.Line < 1 || p.Line > lines+1 || p.Detail == "" {
				t.Fatalf("%+v does not say where or what, of %d lines", p, lines)
			}
		}
	})
}

// mustBeSound says again, in its own words, what the data plane relies on.
func mustBeSound(t *testing.T, c *config.Config) {
	t.Helper()
	must := func(ok bool, what string, args ...any) {
		t.Helper()
		if !ok {
			t.Fatalf("accepted although "+what, args...)
		}
	}
	names, cookies := map[string]bool{}, map[string]bool{"banyan_user": true, "banyan_canary": true}
	for _, o := range c.Owners {
		must(!names["owner "+o.Name], "owner %q is there twice", o.Name)
		names["owner "+o.Name] = true
		must(o.Address != nil || len(o.Replicas) > 0, "owner %q is nowhere", o.Name)
		must(o.Timeout > 0 && o.Health.Interval > 0 && o.Health.Timeout > 0, "owner %q has no time", o.Name)
		must(strings.HasPrefix(o.Health.Path, "/"), "owner %q is probed at %q", o.Name, o.Health.Path)
		for _, p := range o.Replicas {
			must(p.URL != nil && p.Name != "" && !names[o.Name+"/"+p.Name], "replica %q of %q is not one", p.Name, o.Name)
			names[o.Name+"/"+p.Name] = true
		}
		if o.Affinity != nil {
			must(o.Affinity.SessionCookie != "" && !cookies[o.Affinity.Cookie], "cookie %q of %q is another's", o.Affinity.Cookie, o.Name)
			cookies[o.Affinity.Cookie] = true
		}
		must(o.Retries.Attempts >= 1 && o.Retries.Budget >= 0 && o.MaxInFlight >= 0, "owner %q has odd bounds", o.Name)
		if b := o.Breaker; b != nil {
			must(b.Errors > 0 && b.Errors <= 100 && b.Of > 0 && b.Within > 0 && b.OpenFor > 0, "breaker %+v", *b)
		}
		if out := o.Outliers; out != nil {
			must(out.Consecutive > 0 && out.EjectFor > 0 && out.MaxEjected > 0 && out.MaxEjected <= 100, "outliers %+v", *out)
		}
	}
	soundKey := func(k config.Key) bool {
		named := k.Kind == config.KeyCookie || k.Kind == config.KeyHeader
		return named == (k.Name != "") && (k.Kind != config.KeySession || c.Clients.SessionCookie != "") && (k.Kind != config.KeyCookie || !cookies[k.Name])
	}
	limits := []*config.RateLimit{c.Clients.RateLimit}
	for _, r := range c.Routes {
		must(r.Name != "" && len(r.Name) <= 128 && !names["route "+r.Name], "route name %q", r.Name)
		names["route "+r.Name] = true
		must(strings.HasPrefix(r.Path, "/") && names["owner "+r.Owner] && r.Timeout > 0 && r.MaxBody >= 0, "route %+v", r)
		must(r.Hold.MaxWait > 0 && r.Hold.MaxRequests > 0, "hold %+v", r.Hold)
		limits = append(limits, r.RateLimit)
		if k := r.Canary; k != nil {
			must(names["owner "+k.Owner] && k.Owner != r.Owner && k.Share >= 0 && k.Share <= config.WholeShare && k.Salt != "" && soundKey(k.By), "canary %+v", *k)
		}
		if s := r.Shadow; s != nil {
			must(names["owner "+s.Owner] && s.Owner != r.Owner && s.Sample >= 0 && s.Sample <= config.WholeShare && s.Queue > 0 && s.Timeout > 0, "shadow %+v", *s)
			must(s.Compare.MaxBody > 0 && s.Compare.Again >= 0 && s.Compare.Again < time.Duration(1<<62), "compare %+v", s.Compare)
			for _, name := range s.Pass.Cookies {
				must(!cookies[name], "own cookie %q is passed", name)
			}
		}
	}
	for _, l := range limits {
		must(l == nil || l.Requests > 0 && l.Per > 0 && l.Burst > 0 && soundKey(l.By), "limit %+v", l)
	}
}
