package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	// aQuote is a block of code after a sentence that ends with the file's name.
	aQuote = regexp.MustCompile("(?s)(?:`([a-z0-9_/.-]+\\.(?:go|yaml))`|\\[gateway\\.yaml\\]\\(gateway\\.yaml\\)):\n\n```(?:go|yaml)\n(.*?)```")
	aLink  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// readmes are the pages of the steps.
func readmes(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "migration-steps", "*", "README.md"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 4)
	pages := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		pages[file] = string(content)
	}
	return pages
}

func TestWhatThePagesOfTheStepsQuoteIsInTheCode(t *testing.T) {
	t.Parallel()
	for file, text := range readmes(t) {
		quotes := aQuote.FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, quotes, "%s quotes no code", file)
		for _, quote := range quotes {
			source := filepath.Join(root, quote[1])
			if quote[1] == "" {
				source = filepath.Join(filepath.Dir(file), "gateway.yaml")
			}
			content, err := os.ReadFile(source)
			require.NoError(t, err, file)
			require.Contains(t, string(content), strings.TrimRight(quote[2], "\n"), "%s quotes what is not in %s", file, source)
		}
	}
}

func TestThePagesOfTheStepsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for file, text := range readmes(t) {
		for _, link := range aLink.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(file), link[1]))
			require.NoError(t, err, "%s links to %s", file, link[1])
		}
	}
}
