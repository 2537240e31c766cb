package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// The order-and-loss test: many writers on few aggregates, with transactions that
// take their time and some that are rolled back; relays that are stopped, killed and
// robbed of their sessions; a broker that refuses, fails half-way, drops connections
// and restarts. In the end every committed event is on the topic, the first
// occurrences of each aggregate's events are in the order of its versions, and
// nothing is there that was not committed.

const (
	writers  = 16
	changes  = 70 // of each writer
	fewAggs  = 6
	rollback = 0.15
)

// variant is a relay, and a writer, that are right or known to be wrong.
type variant struct {
	write  func(r *rig, rng *rand.Rand, writer int, tx *gorm.DB) error
	ledger func(w *wrong, inner *table) ledger
	// unshared relays all work on all shards.
	unshared bool
	// publisher wraps what the ledger wants to know of.
	publisher func(w *wrong, inner Publisher) Publisher
	relays    int // 0: as chance has it
}

func thing(n int) string { return fmt.Sprintf("thing-%d", n) }

// errRollback ends a transaction that is not to be.
var errRollback = errors.New("rolled back")

// change is what a store does: something of its own first, then the aggregate under
// its lock, then the event, in one transaction that takes its time.
func change(r *rig, rng *rand.Rand, writer int, tx *gorm.DB) error {
	if err := tx.Exec("UPDATE writers SET n = n + 1 WHERE id = ?", writer).Error; err != nil {
		return err
	}
	dawdle(rng)
	which := rng.Perm(fewAggs)[:1+rng.IntN(2)]
	slices.Sort(which) // in one order: no deadlocks
	for _, n := range which {
		var version int64
		if err := tx.Raw("UPDATE things SET version = version + 1 WHERE id = ? RETURNING version", thing(n)).Scan(&version).Error; err != nil {
			return err
		}
		if err := tell(rng, tx, n, version); err != nil {
			return err
		}
	}
	return end(rng)
}

// changeUnlocked is a writer that draws the version and appends before it has the
// aggregate's lock.
func changeUnlocked(r *rig, rng *rand.Rand, writer int, tx *gorm.DB) error {
	n := rng.IntN(fewAggs)
	var version int64
	if err := tx.Raw(fmt.Sprintf("SELECT nextval('version_%d')", n)).Scan(&version).Error; err != nil {
		return err
	}
	if err := tell(rng, tx, n, version); err != nil {
		return err
	}
	return end(rng)
}

func tell(rng *rand.Rand, tx *gorm.DB, n int, version int64) error {
	token := fmt.Sprintf("%016x", rng.Uint64())
	if err := tx.Exec("INSERT INTO truth VALUES (?, ?, ?)", token, thing(n), version).Error; err != nil {
		return err
	}
	data, _ := json.Marshal(map[string]any{"token": token})
	e := event(thing(n), version, string(data))
	return Append(tx, e)
}

func end(rng *rand.Rand) error {
	dawdle(rng)
	if rng.Float64() < rollback {
		return errRollback
	}
	return nil
}

// dawdle takes mostly no time, and sometimes long.
func dawdle(rng *rand.Rand) {
	if rng.IntN(3) == 0 {
		time.Sleep(time.Duration(rng.IntN(6000)) * time.Microsecond)
	}
}

// verdict is what is wrong on the topic.
type verdict struct{ committed, onTopic, lost, inverted, uncommitted int }

func (v verdict) wrong() bool { return v.lost+v.inverted+v.uncommitted > 0 }

func (v verdict) String() string {
	return fmt.Sprintf("%d committed, %d on the topic: %d lost, %d inverted, %d never committed", v.committed, v.onTopic, v.lost, v.inverted, v.uncommitted)
}

// trial runs one variant with one seed. patience is how long the topic may stand
// still before what is missing counts as lost.
func trial(t *testing.T, v variant, seed uint64, patience time.Duration) verdict {
	r := newRig(t)
	for n := range fewAggs {
		r.execute("INSERT INTO things VALUES ($1, 0)", thing(n))
		r.execute(fmt.Sprintf("CREATE SEQUENCE version_%d", n))
	}
	r.execute("INSERT INTO writers SELECT n, 0 FROM generate_series(0, $1) n", writers)
	notifier := NewNotifier(r.db, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	background.Go(func() { notifier.Run(ctx) })

	c := &chaos{r: r, v: v, rng: rand.New(rand.NewPCG(seed, 1)), wrong: &wrong{}}
	c.begin()
	background.Go(func() { c.run(ctx) })
	write(r, v, seed, notifier)
	cancel()
	background.Wait()
	c.settle(patience)
	c.end()
	return r.judge()
}

// write makes all changes.
func write(r *rig, v variant, seed uint64, notifier *Notifier) {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(1000+w)))
			for range changes {
				err := r.db.InTx(context.Background(), func(tx *gorm.DB) error { return v.write(r, rng, w, tx) })
				if err == nil {
					notifier.Wake()
				} else if !errors.Is(err, errRollback) {
					r.t.Errorf("write: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func (r *rig) judge() verdict {
	type fact struct {
		thing   string
		version int64
	}
	truth := map[string]fact{}
	rows, err := r.db.SQL().Query("SELECT token, thing, version FROM truth")
	require.NoError(r.t, err)
	defer rows.Close()
	for rows.Next() {
		var token string
		var f fact
		require.NoError(r.t, rows.Scan(&token, &f.thing, &f.version))
		truth[token] = f
	}
	require.NoError(r.t, rows.Err())

	v := verdict{committed: len(truth)}
	seen, last := map[string]bool{}, map[string]int64{}
	for _, record := range r.read() { // in order within each partition, and so for each aggregate
		v.onTopic++
		var body struct{ Token string }
		require.NoError(r.t, json.Unmarshal(record.Value, &body))
		f, committed := truth[body.Token]
		if !committed {
			v.uncommitted++
			continue
		}
		require.Equal(r.t, f.thing, string(record.Key))
		if seen[body.Token] {
			continue
		}
		seen[body.Token] = true
		if f.version < last[f.thing] {
			v.inverted++
		}
		last[f.thing] = max(last[f.thing], f.version)
	}
	v.lost = len(truth) - len(seen)
	return v
}

// go test ./platform/outbox -run Nothing -args -seeds 20: more of the same.
var seeds = flag.Uint64("seeds", 3, "how many times the order-and-loss test runs")

func TestNothingIsLostOrTurnedRound(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			v := trial(t, variant{write: change}, seed, forLong)
			t.Log(v)
			require.False(t, v.wrong(), "%s", v)
			require.NotZero(t, v.committed)
		})
	}
}
