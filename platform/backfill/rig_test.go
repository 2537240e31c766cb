package backfill

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	soon  = 60 * time.Second // of a busy machine
	often = 2 * time.Millisecond
)

var topic = broker.Topic{Name: "test.things.v1", Partitions: 3}

// rig is an owner's database with a table of things, numbered from 1.
type rig struct {
	t     testing.TB
	db    *database.DB
	owned atomic.Bool
	woken atomic.Int64
}

func prepare(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	for _, migrate := range []func(context.Context, *database.DB) error{outbox.Migrate, Migrate} {
		if err := migrate(ctx, db); err != nil {
			return err
		}
	}
	return db.Gorm(ctx).Exec("CREATE TABLE things (id int PRIMARY KEY)").Error
}

func newRig(t testing.TB, things int) *rig {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Prepared(t, "backfill", prepare)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	r := &rig{t: t, db: db}
	r.owned.Store(true)
	r.exec("INSERT INTO things SELECT generate_series(1, ?)", things)
	return r
}

func (r *rig) exec(statement string, args ...any) {
	r.t.Helper()
	require.NoError(r.t, r.db.Gorm(context.Background()).Exec(statement, args...).Error)
}

func (r *rig) number(query string, args ...any) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.db.Gorm(context.Background()).Raw(query, args...).Scan(&n).Error)
	return n
}

var errElsewhere = errors.New("owned elsewhere")

// Own and Page make the rig a source: a thing is of the partition of its number.
func (r *rig) Own(*gorm.DB) (int64, error) {
	if !r.owned.Load() {
		return 0, errElsewhere
	}
	return 4, nil
}

func (r *rig) Page(tx *gorm.DB, at Place) (Page, error) {
	if at.Epoch != 4 {
		return Page{}, fmt.Errorf("epoch %d", at.Epoch)
	}
	page := Page{Sent: make([]int, topic.Partitions), Through: at.After}
	copy(page.Sent, at.Sent)
	var ids []int
	if err := tx.Raw("SELECT id FROM things WHERE id > ? ORDER BY id LIMIT ?", "0"+at.After, at.Limit).Find(&ids).Error; err != nil {
		return Page{}, err
	}
	page.Rows, page.Last = len(ids), len(ids) < at.Limit
	if len(ids) > 0 {
		page.Through = fmt.Sprint(ids[len(ids)-1])
	}
	for p := range page.Sent {
		of := []int{}
		for _, id := range ids {
			if id%topic.Partitions == p {
				of = append(of, id)
			}
		}
		if len(of) == 0 && !page.Last {
			continue
		}
		page.Sent[p]++
		data := fmt.Sprintf(`{"run": %q, "number": %d, "things": %s, "last": %v}`, at.Run, page.Sent[p], jsonOf(of), page.Last)
		page.Events = append(page.Events, outbox.Event{Topic: topic, Partition: &p, Aggregate: fmt.Sprint("things/", p), Type: "chunk", Source: "/test", Data: []byte(data)})
	}
	return page, nil
}

func jsonOf(ids []int) string {
	text := "["
	for i, id := range ids {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprint(id)
	}
	return text + "]"
}

// runner is one with a lease and a patience of tests; change may be nil.
func (r *rig) runner(change func(*Config)) *Runner {
	r.t.Helper()
	cfg := Config{
		Resource: "things", Source: r, Topic: topic, Wake: func() { r.woken.Add(1) }, Worker: "test", Page: 10, Waiting: 1_000_000,
		Lease: 100 * time.Millisecond, Every: 5 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	runner, err := New(r.db, cfg)
	require.NoError(r.t, err)
	return runner
}

// runs works until the function it returns is called, or the test ends.
func (r *rig) runs(runner *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); runner.Run(ctx) }()
	stop = func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) start(runner *Runner, o Order) Status {
	r.t.Helper()
	s, err := runner.Start(r.t.Context(), o)
	require.NoError(r.t, err)
	return s
}

func (r *rig) status(runner *Runner) Status {
	r.t.Helper()
	s, err := runner.Status(r.t.Context())
	require.NoError(r.t, err)
	return s
}

func (r *rig) eventually(what string, f func() bool) {
	r.t.Helper()
	require.Eventually(r.t, f, soon, often, what)
}

func (r *rig) done(runner *Runner) Status {
	r.t.Helper()
	r.eventually("done", func() bool { return r.status(runner).State == Done })
	return r.status(runner)
}

// sentOnce asserts that each thing is in one chunk of the run, and that the numbers of
// the chunks have no gap and end with the last.
func (r *rig) sentOnce(run string, things int) {
	r.t.Helper()
	const chunks = `(SELECT partition, (payload->>'number')::int AS number, (payload->>'last')::bool AS last, payload->'things' AS things FROM outbox WHERE payload->>'run' = ?) c`
	require.Equal(r.t, things, r.number("SELECT count(*) FROM "+chunks+", json_array_elements_text(things)", run))
	require.Equal(r.t, things, r.number("SELECT count(DISTINCT value) FROM "+chunks+", json_array_elements_text(things)", run))
	require.Equal(r.t, topic.Partitions, r.number("SELECT count(*) FROM (SELECT partition FROM "+chunks+
		" GROUP BY partition HAVING count(*) = max(number) AND count(DISTINCT number) = max(number) AND max(number) FILTER (WHERE last) = max(number)) p", run))
}

func newRun(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return id.String()
}
