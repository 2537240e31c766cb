package kube_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/kube"
)

func TestLogsAreAskedForFromATimeOn(t *testing.T) {
	echo := filepath.Join(t.TempDir(), "kubectl")
	require.NoError(t, os.WriteFile(echo, []byte("#!/bin/sh\necho \"$@\"\n"), 0o700))
	c := kube.Cluster{Program: echo, Namespace: "blog"}
	since := time.Date(2026, 5, 4, 14, 0, 0, 0, time.FixedZone("", 2*60*60))
	log, err := c.LogsSince(t.Context(), "monolith-5d", since, true)
	require.NoError(t, err)
	require.Equal(t, "--namespace blog logs monolith-5d --all-containers --since-time=2026-05-04T12:00:00Z --previous", log)
}
