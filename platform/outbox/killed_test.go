package outbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
)

// TestKilled runs a relay in a process of its own and kills it, again and again,
// while events are written.
func TestKilled(t *testing.T) {
	if os.Getenv("OUTBOX_RELAY") != "" {
		relayProcess(t)
		return
	}
	r := newRig(t)
	const events = 400
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range events {
			r.append(event(keys()[n%4], int64(n/4+1), strconv.Itoa(n/4+1)))
		}
	})
	for n := int64(1); n <= 3; n++ {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "OUTBOX_RELAY=1", "OUTBOX_URL="+r.url, "OUTBOX_KAFKA="+r.addr, "OUTBOX_TOPIC="+topic.Name)
		require.NoError(t, child.Start())
		r.eventually("published some", func() bool { return r.topicEnd() >= n*events/4 })
		require.NoError(t, child.Process.Signal(syscall.SIGKILL))
		var exit *exec.ExitError
		require.True(t, errors.As(child.Wait(), &exit))
	}
	writing.Wait()
	_, stop := r.run(r.config())
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	stop()
	last := map[string]int{}
	for _, record := range r.read() {
		version, err := strconv.Atoi(string(record.Value))
		require.NoError(t, err)
		require.LessOrEqual(t, version, last[string(record.Key)]+1, "none is skipped")
		last[string(record.Key)] = max(last[string(record.Key)], version)
	}
	for _, key := range keys() {
		require.Equal(t, events/4, last[key])
	}
}

func relayProcess(t *testing.T) {
	topic.Name = os.Getenv("OUTBOX_TOPIC")
	b, err := broker.New(broker.Config{Addrs: []string{os.Getenv("OUTBOX_KAFKA")}})
	require.NoError(t, err)
	relay, err := NewRelay(Config{URL: os.Getenv("OUTBOX_URL"), Topics: []broker.Topic{topic}, Publisher: b.Publisher(), Batch: 5, Poll: 10 * time.Millisecond})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), forLong) // should nobody kill it
	defer cancel()
	require.NoError(t, relay.Run(ctx))
}
