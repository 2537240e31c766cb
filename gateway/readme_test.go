package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheReadmeNamesEveryVariableAndCommand(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[settings]()) {
		variable := field.Tag.Get("env")
		require.True(t, strings.Contains(string(text), "`"+variable+"`"), variable)
	}
	for _, c := range command().Commands() {
		if c.Name() == "serve" || c.Name() == "help" || c.Name() == "completion" {
			continue // the default, and what cobra adds
		}
		require.True(t, strings.Contains(string(text), "| `gateway "+c.Name()), c.Name())
	}
}
