package outbox

import (
	"fmt"
	"hash/fnv"
	"sync"

	"banyan.dev/platform/broker"
)

// shard is a partition of a topic: what one relay at a time works on.
type shard struct {
	topic     string
	partition int
}

// The advisory locks (two numbers each) that relays hold: one shared by all who
// live, and one for each shard.
const livingClass, livingObject = 0x62616e79, 0 // "bany"

// lock is the shard's advisory lock.
func (s shard) lock() (class, object int32) {
	h := fnv.New32a()
	h.Write([]byte("outbox/" + s.topic))
	return int32(h.Sum32()), int32(s.partition)
}

// shardsOf lists the topics' shards. Two topics whose locks are the same would take
// each other's: that is an error.
func shardsOf(topics []broker.Topic) ([]shard, error) {
	if len(topics) == 0 {
		return nil, fmt.Errorf("outbox relay: no topic is named: give it those that events are appended for")
	}
	var all []shard
	classes := map[int32]string{livingClass: "the relays' own lock"}
	for _, t := range topics {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("outbox relay: %w", err)
		}
		class, _ := shard{topic: t.Name}.lock()
		if other, taken := classes[class]; taken {
			return nil, fmt.Errorf("outbox relay: topic %s has the same advisory lock as %s: rename one of them", t.Name, other)
		}
		classes[class] = t.Name
		for p := range t.Partitions {
			all = append(all, shard{t.Name, p})
		}
	}
	return all, nil
}

// ownership says which shards are this relay's (the lease decides) and which are
// being worked on (the pump decides). It is safe for concurrent use.
type ownership struct {
	mu      sync.Mutex
	owned   []bool
	busy    []bool
	changed chan struct{}
}

func newOwnership(shards int) *ownership {
	return &ownership{owned: make([]bool, shards), busy: make([]bool, shards), changed: make(chan struct{}, 1)}
}

// own gives a shard to the pump.
func (o *ownership) own(i int) {
	o.mu.Lock()
	before := o.owned[i]
	o.owned[i] = true
	o.mu.Unlock()
	if !before {
		wake(o.changed)
	}
}

// yield takes a shard back, and tells whether it is idle. When it is not, it soon
// will be: no new work is begun.
func (o *ownership) yield(i int) (idle bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owned[i] = false
	return !o.busy[i]
}

func (o *ownership) lose() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.owned)
}

func (o *ownership) count() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, owned := range o.owned {
		if owned {
			n++
		}
	}
	return n
}

func (o *ownership) has(i int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owned[i]
}

// begin marks a shard as worked on, if it is ours and no work is under way.
func (o *ownership) begin(i int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.owned[i] || o.busy[i] {
		return false
	}
	o.busy[i] = true
	return true
}

func (o *ownership) working(i int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy[i]
}

func (o *ownership) end(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[i] = false
}

// wake makes a channel of one place readable.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
