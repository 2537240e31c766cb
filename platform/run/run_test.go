package run_test

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/run"
)

func TestAnErrorBecomesOneLineAndStatusOne(t *testing.T) {
	var stderr bytes.Buffer
	status := run.Status(func(context.Context) error { return errors.New("open config: no such file") }, &stderr)
	require.Equal(t, 1, status)
	require.Equal(t, "error: open config: no such file\n", stderr.String())
}

func TestASignalCancelsTheContextAndIsNoError(t *testing.T) {
	var stderr bytes.Buffer
	status := run.Status(func(ctx context.Context) error {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}, &stderr)
	require.Equal(t, 0, status)
	require.Empty(t, stderr.String())
}

func TestStackStopsInReverseAndGoesOnAfterAFailure(t *testing.T) {
	var stack run.Stack
	var order []string
	stack.Push("database", func(context.Context) error { order = append(order, "database"); return nil })
	stack.Push("server", func(context.Context) error {
		order = append(order, "server")
		return errors.New("still busy")
	})
	err := stack.Stop(context.Background())
	require.EqualError(t, err, "stop server: still busy")
	require.Equal(t, []string{"server", "database"}, order)
	require.NoError(t, stack.Stop(context.Background()), "nothing is left to stop")
}
