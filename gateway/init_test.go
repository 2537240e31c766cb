package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

func TestInitWritesAFileThatServesOnesOwnApplication(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	out, _, err := gatewayCommand(t, "", "init", "--owner", "shop=http://127.0.0.1:3000", file)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(out, "\n  "), "three commands come next")
	require.Contains(t, out, "CONFIG_FILE="+file+" gateway")

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "# yaml-language-server: $schema=gateway.schema.json\n"))
	c, err := config.Parse(file, text)
	require.NoError(t, err)
	require.Len(t, c.Owners, 1)
	require.Equal(t, "shop", c.Owners[0].Name)
	require.Equal(t, "http://127.0.0.1:3000", c.Owners[0].Address.String())
	require.NoError(t, compiledSchema(t).Validate(asEditors(t, text)))

	_, _, err = gatewayCommand(t, "", "init", file)
	require.ErrorContains(t, err, "is there already, and stays as it is")
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, again)
}

func TestInitWithoutAFilePrintsIt(t *testing.T) {
	out, hints, err := gatewayCommand(t, "", "init")
	require.NoError(t, err)
	c, err := config.Parse("stdout", []byte(out))
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:8080", c.Owners[0].Address.String())
	require.Contains(t, hints, "gateway validate gateway.yaml")
}

func TestInitRefusesOwnersThatTheFileCouldNotName(t *testing.T) {
	for _, owner := range []string{"", "shop", "=http://a", "shop=https://a", "shop=http://a/b", "a b=http://a", "true=http://a", "7=http://a", "..=http://a"} {
		_, _, err := gatewayCommand(t, "", "init", "--owner", owner)
		require.ErrorContains(t, err, "--owner", owner)
	}
	_, _, err := gatewayCommand(t, "", "init", "--owner", "a=http://a", "--owner", "a=http://b")
	require.ErrorContains(t, err, "different names")
	_, _, err = gatewayCommand(t, "", "init", "--owner", "a=http://a", "--owner", "b=http://b", "--owner", "c=http://c")
	require.ErrorContains(t, err, "3 times")
}

var (
	explains = regexp.MustCompile(`^ *##( |$)`)
	numbered = regexp.MustCompile(`^ *## (\d)\. `)
	off      = regexp.MustCompile(`^( *)# (.*)$`)
)

// switchedOn takes the # away from the blocks whose number is among those given, as
// a person would in an editor. Blocks without a number have number 0.
func switchedOn(t *testing.T, text string, numbers ...int) []byte {
	t.Helper()
	var b strings.Builder
	number := 0
	for i, line := range strings.Split(text, "\n") {
		switch m := off.FindStringSubmatch(line); {
		case i == 0, m == nil && !explains.MatchString(line):
			number = 0
		case numbered.MatchString(line):
			number = int(numbered.FindStringSubmatch(line)[1][0] - '0')
		case m != nil && slices.Contains(numbers, number):
			line = m[1] + m[2]
		}
		b.WriteString(line + "\n")
	}
	return []byte(b.String())
}

// Whatever is switched on gives a valid file, as long as 4 and 5 have the 3 they
// name.
func TestEveryBlockOfTheStarterCanBeSwitchedOn(t *testing.T) {
	text, err := starterFile([]string{"shop=http://127.0.0.1:3000", "stock=http://127.0.0.1:3001"})
	require.NoError(t, err)
	compiled := compiledSchema(t)
	for set := range 1 << 8 {
		var on []int
		for number := range 8 {
			if set&(1<<number) != 0 {
				on = append(on, number)
			}
		}
		if !slices.Contains(on, 3) && (slices.Contains(on, 4) || slices.Contains(on, 5)) {
			continue
		}
		file := switchedOn(t, string(text), on...)
		_, err := config.Parse("gateway.yaml", file)
		require.NoError(t, err, "%v\n%s", on, file)
		require.NoError(t, compiled.Validate(asEditors(t, file)))
	}
	c, err := config.Parse("gateway.yaml", switchedOn(t, string(text), 0, 1, 2, 3, 4, 5, 6, 7))
	require.NoError(t, err)
	require.Len(t, c.Owners, 2)
	require.Len(t, c.Routes, 6)
	require.Equal(t, "shop", c.Routes[5].Owner)
	require.NotNil(t, c.Owners[0].Affinity)
	require.NotNil(t, c.Owners[0].Breaker)
	require.NotNil(t, c.Owners[0].Outliers)
	require.NotNil(t, c.Clients.RateLimit)
	require.NotNil(t, c.Routes[2].Canary)
	require.NotNil(t, c.Routes[3].Shadow)
	require.NotNil(t, c.Routes[4].RateLimit)
	require.Equal(t, int64(1), c.Revision)
}
