package pages

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestDevicesHaveNamesOfTheirOwners(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                       "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":        "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1":    "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"curl/8.9.1":                         "curl",
		"":                                   "An unnamed program",
		"a robot " + strings.Repeat("x", 60): "a robot " + strings.Repeat("x", 32) + "…",
	} {
		require.Equal(t, want, device(agent))
	}
}

// FuzzLocalOnly holds what it lets through to what browsers make of it.
func FuzzLocalOnly(f *testing.F) {
	for _, seed := range []string{"/", "/write?x=1#y", "//evil", `/\evil`, "/%5cevil", "/%2f/evil", "https://evil", "/\t/evil", "/a//b", "/%09/x", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := localOnly(to)
		if got == "" {
			return
		}
		require.Equal(t, to, got)
		base, err := url.Parse("https://blog.example/here")
		require.NoError(t, err)
		seen := strings.ReplaceAll(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, got), `\`, "/")
		there, err := base.Parse(seen)
		require.NoError(t, err)
		require.Equal(t, "blog.example", there.Host, to)
		require.Equal(t, "https", there.Scheme, to)
	})
}

// TestEveryTemplateIsAPage: one that nothing shows is one that nobody looks after.
func TestEveryTemplateIsAPage(t *testing.T) {
	a, err := loadAssets()
	require.NoError(t, err)
	parsed, err := parseTemplates(a)
	require.NoError(t, err)
	require.Greater(t, len(parsed.pages), 20)
	for name, page := range parsed.pages {
		require.NotNil(t, page.Lookup("main"), name)
	}
}

func TestEveryProblemIsExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range explanations() {
		require.False(t, seen[string(e.Kind)], e.Kind)
		seen[string(e.Kind)] = true
		require.NotEmpty(t, e.Meaning, e.Kind)
		require.NotEmpty(t, e.Advice, e.Kind)
		require.Equal(t, e.Advice, adviceFor(e.Kind))
	}
}
