package house_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayImport is the whole rule: what a package whose path begins with the key may
// import of this repository. {feature} and {service} stand for the package's own.
// The longest key that fits counts.
var mayImport = map[string][]string{
	"platform":           {"platform"},
	"features/contracts": {"features/contracts"},
	"features":           {"platform", "features/contracts", "features/{own}"},
	"monolith":           {"platform", "features", "monolith"},
	"services":           {"platform", "features/contracts", "features/{own}", "services/{own}"},
	"gateway":            {"platform", "gateway"},
	"strangler":          {"platform", "strangler"},
}

// staysIn says where a library may be imported, tests apart: a reader who looks for
// SQL knows where to look, and a swap touches one place.
var staysIn = map[string][]string{
	"gorm.io/":                      {"platform/database", "platform/outbox", "platform/inbox", "platform/ownership", "features/*/store", "monolith/internal/tangle", "monolith/internal/seed", "monolith/internal/effects", "platform/backfill", "strangler/internal/lab/notes"},
	"github.com/segmentio/kafka-go": {"platform/broker"},
	"github.com/redis/go-redis":     {"platform/session", "platform/embedded"},
	"github.com/alexedwards/scs":    {"platform/session"},
	"github.com/labstack/echo":      {"platform/httpkit", "features/*", "monolith", "services", "gateway/internal/control"},
	"github.com/valyala/fasthttp":   {"gateway"},
}

const module = "banyan.dev/"

type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportsGoTheRightWay(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !allowed(from, to) {
				t.Errorf("%s imports %s: from there only %v", from, to, rule(from))
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for library, places := range staysIn {
				if strings.HasPrefix(imported, library) && !slices.ContainsFunc(places, func(place string) bool { return within(from, place) }) {
					t.Errorf("%s imports %s, which stays in %v", from, imported, places)
				}
			}
		}
	}
}

func TestTheRulesRefuseWhatTheyMust(t *testing.T) {
	for _, forbidden := range [][2]string{
		{"platform/session", "features/accounts"},
		{"features/posts", "features/comments"},
		{"features/contracts", "features/posts"},
		{"features/contracts", "platform/problem"},
		{"services/comments", "monolith/internal/tangle"},
		{"services/comments", "services/query"},
		{"services/comments", "features/posts"},
		{"gateway", "features/contracts"},
		{"strangler/internal/tour", "monolith"},
		{"monolith", "gateway"},
	} {
		require.False(t, allowed(forbidden[0], forbidden[1]), "%s -> %s", forbidden[0], forbidden[1])
	}
	for _, fine := range [][2]string{
		{"features/posts/store", "features/posts"},
		{"services/comments", "features/comments"},
		{"monolith", "features/posts"},
	} {
		require.True(t, allowed(fine[0], fine[1]), "%s -> %s", fine[0], fine[1])
	}
}

func allowed(from, to string) bool {
	return slices.ContainsFunc(rule(from), func(place string) bool { return within(to, place) })
}

// rule returns what the package may import, with its own feature or service filled in.
func rule(from string) []string {
	longest := ""
	for prefix := range mayImport {
		if within(from, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	own := "none"
	if parts := strings.Split(from, "/"); len(parts) > 1 {
		own = parts[1]
	}
	places := slices.Clone(mayImport[longest])
	for i := range places {
		places[i] = strings.ReplaceAll(places[i], "{own}", own)
	}
	return places
}

// within tells whether the path is the place or below it; * stands for one element.
func within(path, place string) bool {
	have, want := strings.Split(path, "/"), strings.Split(place, "/")
	if len(have) < len(want) {
		return false
	}
	for i, w := range want {
		if w != "*" && w != have[i] {
			return false
		}
	}
	return true
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "work")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
	require.Greater(t, len(all), 10, "the list is of the whole workspace")
	return all
}
