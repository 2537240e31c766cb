package outboxbench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/outbox/outboxbench"
)

// asProcess turns this test's binary into a process that is measured.
const asProcess = "as-process"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asProcess {
		if err := process().Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// process has beside this repository's subjects one whose relay breaks.
func process() outboxbench.Process {
	return outboxbench.Process{Self: []string{os.Args[0], asProcess}, Open: func(name string, p outboxbench.Place) (outboxbench.Subject, error) {
		if name != "broken" {
			return outboxbench.Subjects(name, p)
		}
		s := outboxbench.Own(p)
		s.Name = name
		s.Relay = func(context.Context) error { return errors.New("no paper left") }
		return s, nil
	}}
}

var topic = broker.Topic{Name: "bench.things.v1", Partitions: 12, Replicas: 1}

func kafka(t testing.TB) []string {
	t.Helper()
	k, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = k.Stop(context.Background()) })
	return []string{k.Addr()}
}

func place(t testing.TB) outboxbench.Place {
	t.Helper()
	p, err := outboxbench.Open(t.Context(), embeddedtest.Database(t), kafka(t), topic)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func prepared(t testing.TB, p outboxbench.Place, s outboxbench.Subject) outboxbench.Subject {
	t.Helper()
	require.NoError(t, s.Prepare(t.Context()))
	return s
}

func TestLatencyIsOfEachEvent(t *testing.T) {
	p := place(t)
	latency, err := outboxbench.MeasureLatency(t.Context(), p, prepared(t, p, outboxbench.Own(p)), 200, time.Second)
	require.NoError(t, err)
	require.Equal(t, 200, latency.Events)
	require.Positive(t, latency.P50)
	require.LessOrEqual(t, latency.P50, latency.P90)
	require.LessOrEqual(t, latency.P90, latency.P99)
	require.LessOrEqual(t, latency.P99, latency.Max)
	_, err = outboxbench.MeasureLatency(t.Context(), p, outboxbench.Own(p), 1, time.Millisecond)
	require.ErrorContains(t, err, "1 a second for 1ms are no events")
}

func TestABacklogIsDrained(t *testing.T) {
	p := place(t)
	drain, err := outboxbench.MeasureDrain(t.Context(), p, prepared(t, p, outboxbench.Own(p)), 1234)
	require.NoError(t, err)
	require.Equal(t, 1234, drain.Events)
	require.Positive(t, drain.PerSecond())
}

// A relay that sends everything twice is no faster for it.
func TestRepetitionsAreNoThroughput(t *testing.T) {
	p := place(t)
	s := prepared(t, p, outboxbench.Own(p))
	s.Relay = func(ctx context.Context) error {
		all := make([]broker.Message, 24)
		for i := range all {
			all[i] = broker.Message{Topic: topic.Name, Key: []byte("0"), Value: []byte("{}")}
		}
		return p.Broker.Publisher().Publish(ctx, all)
	}
	_, err := outboxbench.MeasureDrain(t.Context(), p, s, 12)
	require.ErrorContains(t, err, "24 messages for 12 events")
}

func TestEachEventIsAppliedOnce(t *testing.T) {
	p := place(t)
	s := prepared(t, p, outboxbench.Applier(p))
	applied, err := outboxbench.MeasureApplied(t.Context(), p, s, 1003)
	require.NoError(t, err)
	assert.Equal(t, 1003, applied.Events)
	assert.Equal(t, 1003+101, applied.Messages)
	require.Positive(t, applied.PerSecond())
}

// asked serves a task as a process would, and returns the lines of its answer.
func asked(t *testing.T, task outboxbench.Task) (lines []outboxbench.Line, err error) {
	t.Helper()
	task.URL, task.Kafka, task.Topic = embeddedtest.Database(t), kafka(t), topic
	in, asker := io.Pipe()
	defer asker.Close()
	go func() { _ = json.NewEncoder(asker).Encode(task) }()
	var out bytes.Buffer
	err = process().Serve(t.Context(), in, &out)
	for from := json.NewDecoder(&out); ; {
		var line outboxbench.Line
		if from.Decode(&line) != nil {
			return lines, err
		}
		lines = append(lines, line)
	}
}

func TestAProcessIsMeasured(t *testing.T) {
	for _, task := range []outboxbench.Task{
		{What: outboxbench.MeasuringLatency, Subject: outboxbench.Outbox, Rate: 100, For: time.Second},
		{What: outboxbench.MeasuringDrain, Subject: outboxbench.Outbox, Events: 600},
		{What: outboxbench.MeasuringIdle, Subject: outboxbench.Outbox, For: 100 * time.Millisecond},
		{What: outboxbench.MeasuringApplied, Subject: outboxbench.Inbox, Events: 600},
	} {
		t.Run(task.What, func(t *testing.T) {
			lines, err := asked(t, task)
			require.NoError(t, err)
			require.Len(t, lines, 3)
			assert.Equal(t, outboxbench.Begins, lines[0].Mark)
			assert.Equal(t, outboxbench.Ended, lines[1].Mark)
			r := lines[2].Result
			require.NotNil(t, r)
			assert.Positive(t, r.Worked)
			switch task.What {
			case outboxbench.MeasuringLatency:
				assert.Equal(t, 100, r.Latency.Events)
			case outboxbench.MeasuringDrain:
				assert.Equal(t, 600, r.Drain.Events)
			case outboxbench.MeasuringApplied:
				assert.Equal(t, 600, r.Applied.Events)
			}
		})
	}
}

func TestARelayThatBreaksIsQuoted(t *testing.T) {
	_, err := asked(t, outboxbench.Task{What: outboxbench.MeasuringDrain, Subject: "broken", Events: 10})
	require.ErrorContains(t, err, "the process of broken ended by itself: error: broken: no paper left")
}

func TestWhatCannotBeMeasuredIsNamed(t *testing.T) {
	_, err := asked(t, outboxbench.Task{What: outboxbench.MeasuringDrain, Subject: "carrier pigeon", Events: 10})
	require.ErrorContains(t, err, `"carrier pigeon" is nothing to measure: use outbox or inbox`)
	_, err = asked(t, outboxbench.Task{What: "beauty", Subject: outboxbench.Outbox})
	require.ErrorContains(t, err, `"beauty" can't be measured: use latency, drain, idle or applied`)
}

func TestWhoAsksAndGoesIsNotWaitedFor(t *testing.T) {
	in, asker := io.Pipe()
	went := make(chan struct{})
	task := outboxbench.Task{
		What: outboxbench.MeasuringLatency, Subject: outboxbench.Outbox, Rate: 1, For: time.Hour,
		URL: embeddedtest.Database(t), Kafka: kafka(t), Topic: topic,
	}
	go func() {
		defer close(went)
		_ = json.NewEncoder(asker).Encode(task)
	}()
	out, lines := io.Pipe()
	go func() {
		_ = json.NewDecoder(out).Decode(new(outboxbench.Line)) // it relays
		_ = asker.Close()
		_, _ = io.Copy(io.Discard, out)
	}()
	err := process().Serve(t.Context(), in, lines)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, lines.Close())
	<-went
}
