package house_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const observability = root + "/deploy/observability"

type rules struct {
	Groups []struct {
		Name  string
		Rules []struct{ Record, Alert, Expr string }
	}
}

func readRules(t *testing.T) (r rules) {
	t.Helper()
	content, err := os.ReadFile(observability + "/rules/banyan.rules.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &r))
	return r
}

// expressions are those of all panels of all dashboards.
func expressions(t *testing.T) (found []string) {
	t.Helper()
	files, err := filepath.Glob(observability + "/grafana/dashboards/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var d any
		require.NoError(t, json.Unmarshal(content, &d), file)
		found = append(found, exprs(d)...)
	}
	require.Greater(t, len(found), 20)
	return found
}

func exprs(v any) (found []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if text, ok := value.(string); ok && key == "expr" {
				found = append(found, text)
			}
			found = append(found, exprs(value)...)
		}
	case []any:
		for _, value := range v {
			found = append(found, exprs(value)...)
		}
	}
	return found
}

var (
	metric = regexp.MustCompile(`\b(?:banyan|gateway|http|call|calls|redis)_[a-z0-9_]+\b|\bbanyan:[a-z0-9_:]+`)
	label  = regexp.MustCompile(`(?:by|on) \([^)]*\)|"[^"]*"`) // may look like a metric, and is none
)

// TestWhatIsWatchedIsThere: each metric of a rule or a panel is one that the code names,
// or a rule records. Redis's are its exporter's.
func TestWhatIsWatchedIsThere(t *testing.T) {
	all, recorded := expressions(t), map[string]bool{}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
			recorded[r.Record] = true
		}
	}
	code, watched := source(t), map[string]bool{}
	for _, expr := range all {
		for _, name := range metric.FindAllString(label.ReplaceAllString(expr, ""), -1) {
			watched[name] = true
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			inbox, ofInbox := strings.CutPrefix(base, "banyan_inbox_")
			switch {
			case recorded[name], strings.HasPrefix(name, "redis_"), strings.Contains(code, `"`+base+`"`):
			case ofInbox && strings.Contains(code, `"`+inbox+`"`): // platform/inbox puts the two together
			default:
				t.Errorf("nobody exports %s, of %s", name, expr)
			}
		}
	}
	require.Greater(t, len(watched), 25)
}

// source is the hosts' code, tests apart.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, module := range []string{"platform", "features", "monolith", "services", "gateway"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, module), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		}))
	}
	return all.String()
}

// TestPrometheusTakesIt: with promtool, of the Debian package prometheus or of the
// project's release. Without it the test is skipped, unless BANYAN_PROMTOOL is required.
func TestPrometheusTakesIt(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("BANYAN_PROMTOOL") == "required" {
			t.Fatal(err)
		}
		t.Skipf("%v; BANYAN_PROMTOOL=required makes that an error", err)
	}
	var panels strings.Builder // as rules: that is how promtool parses an expression
	panels.WriteString("groups:\n- name: panels\n  rules:\n")
	unique := expressions(t)
	slices.Sort(unique)
	for _, expr := range slices.Compact(unique) {
		quoted, err := json.Marshal(expr)
		require.NoError(t, err)
		panels.WriteString("  - {record: panel, labels: {expr: " + string(quoted) + "}, expr: " + string(quoted) + "}\n")
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	require.NoError(t, os.WriteFile(file, []byte(panels.String()), 0o600))
	for _, arguments := range [][]string{
		{"check", "config", "--syntax-only", observability + "/prometheus.yml"},
		{"check", "rules", observability + "/rules/banyan.rules.yml"},
		{"check", "rules", file},
		{"test", "rules", observability + "/rules/banyan.test.yml"},
	} {
		out, err := exec.Command("promtool", arguments...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

func TestEachAlertSaysWhatToDo(t *testing.T) {
	content, err := os.ReadFile(observability + "/rules/banyan.rules.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Labels      struct{ Severity string }
				Annotations struct{ Summary, What, Todo string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &file))
	tested, err := os.ReadFile(observability + "/rules/banyan.test.yml")
	require.NoError(t, err)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			require.Contains(t, []string{"page", "ticket"}, r.Labels.Severity, r.Alert)
			require.NotEmpty(t, r.Annotations.Summary, r.Alert)
			require.NotEmpty(t, r.Annotations.What, r.Alert)
			require.NotEmpty(t, r.Annotations.Todo, r.Alert)
			require.Contains(t, string(tested), `alertname="`+r.Alert+`"`, "no test sees it fire")
		}
	}
}
