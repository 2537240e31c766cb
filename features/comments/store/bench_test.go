package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/backfill"
)

// BenchmarkBackfill brings comments, each with a key, from one database to another:
// pages, outbox, relay, broker, inbox, tables; all in this process and on one
// PostgreSQL. The follower's applying is part of it. Beside rows a second it tells the
// processor time of this process and the database for each row, which says what a
// machine could do that has nothing else to do: two cores have 2,000,000 µs a second.
//
//	go test -run '^$' -bench 'Backfill/200000' -benchtime 1x ./features/comments/store
func BenchmarkBackfill(b *testing.B) {
	for _, n := range []int{200_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkBackfill(b, n) })
	}
}

func benchmarkBackfill(b *testing.B, n int) {
	kafka := kafka(b)
	m, c := newSide(b, "monolith", "owner"), newSide(b, "comments", "follower")
	for at := 0; at < n; at += 20_000 { // ids begin with a time, as real ones do
		m.exec(`WITH made AS (INSERT INTO comments SELECT (lpad(to_hex(1700000000000 + n * 37), 12, '0') || '70008' || substr(md5('c' || n), 1, 15))::uuid,
				md5('post' || n % 5000)::uuid, md5('author' || n % 20000)::uuid, repeat('what a reader says ', 8) || n,
				'<p>' || repeat('what a reader says ', 8) || n || '</p>', 'approved', 1 + n % 3, now(), now() FROM generate_series(?::int, ?::int) n RETURNING id, author_id)
			INSERT INTO comment_keys SELECT author_id, 'key-' || id, sha256(id::text::bytea), id, now() FROM made`, at+1, at+20_000)
	}
	m.exec("ANALYZE")
	m.relays(kafka)
	c.follows(kafka, c.follower())
	runner, err := backfill.New(m.db, backfill.Config{
		Resource: Resource, Source: m.chunks, Topic: topic, Wake: m.feed.Wake, Every: 10 * time.Millisecond,
		Behind: func(ctx context.Context) (behind int64, err error) {
			lags, err := kafka.Lag(ctx, c.group, topic.Name)
			for _, l := range lags {
				behind += l.Behind()
			}
			return behind, err
		},
	})
	require.NoError(b, err)
	background(b, func(ctx context.Context) error { runner.Run(ctx); return nil })
	before, began := m.processorTime(), time.Now()
	for b.Loop() {
		_, err = runner.Start(b.Context(), backfill.Order{})
		require.NoError(b, err)
		require.Eventually(b, func() bool { return missing(c, backfill.Complete(Resource), 1) == "" }, 10*time.Minute, 250*time.Millisecond) // not often: asking is work too
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "rows/s")
	ours, database := m.processorTime()[0]-before[0], m.processorTime()[1]-before[1]
	b.ReportMetric(float64(ours.Microseconds())/float64(n), "µs-here/row")
	b.ReportMetric(float64(database.Microseconds())/float64(n), "µs-database/row")
	require.Equal(b, n, c.number("SELECT count(*) FROM comments"))
	require.Equal(b, n, c.number("SELECT count(*) FROM comment_keys"))
}

// processorTime is what this process has used so far, and what the database server has,
// its former processes included; zero where there is no /proc.
func (s *side) processorTime() (used [2]time.Duration) {
	s.t.Helper()
	server := s.number("SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int")
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(s.t, err)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// See proc(5): pid (name) state ppid ... utime stime cutime cstime, from the 14th on.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		ticks := func(from, to int) (sum time.Duration) {
			for _, f := range fields[from:to] {
				n, _ := strconv.Atoi(f)
				sum += time.Duration(n) * 10 * time.Millisecond
			}
			return sum
		}
		switch pid := filepath.Base(filepath.Dir(path)); {
		case pid == strconv.Itoa(os.Getpid()):
			used[0] += ticks(11, 13)
		case pid == strconv.Itoa(server):
			used[1] += ticks(11, 15)
		case fields[1] == strconv.Itoa(server):
			used[1] += ticks(11, 13)
		}
	}
	return used
}
