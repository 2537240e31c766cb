package embeddedkafka

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// expulsion expels members that were silent for longer than their session, as Kafka does.
// kfake does so too, but for one who dies while it waits to be let in for the first
// time: where the answer finds nobody no session begins, and its partitions stand still
// until somebody else comes or goes. That happens to whoever is killed soon after it began.
type expulsion struct {
	client *kgo.Client

	mu     sync.Mutex
	groups map[string]*attendance
}

// attendance is when a group's members were heard of, by their ids.
type attendance struct {
	session time.Duration // the longest of its members
	heard   map[string]time.Time
}

// sweepEvery is how often the silent are looked for; spare is what they have beyond
// their session, so that kfake, where it does expel, comes first.
const (
	sweepEvery = time.Second
	spare      = 2 * time.Second
)

func newExpulsion(cluster *kfake.Cluster) (*expulsion, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return nil, err
	}
	x := &expulsion{client: client, groups: map[string]*attendance{}}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetCommit} {
		cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			x.hear(r)
			return nil, nil, false // kfake answers it
		})
	}
	return x, nil
}

func (x *expulsion) hear(request kmsg.Request) {
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		x.note(r.Group, r.MemberID, time.Duration(r.SessionTimeoutMillis)*time.Millisecond)
	case *kmsg.SyncGroupRequest:
		x.note(r.Group, r.MemberID, 0)
	case *kmsg.HeartbeatRequest:
		x.note(r.Group, r.MemberID, 0)
	case *kmsg.OffsetCommitRequest:
		x.note(r.Group, r.MemberID, 0)
	}
}

func (x *expulsion) note(group, member string, session time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.groups[group]
	if a == nil {
		a = &attendance{heard: map[string]time.Time{}}
		x.groups[group] = a
	}
	a.session = max(a.session, session)
	a.heard[member] = time.Now()
}

// run sweeps until ctx ends.
func (x *expulsion) run(ctx context.Context) {
	defer x.client.Close()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			x.sweep(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// sweep looks at groups whose members are settled: while a group meets, it is kfake that
// waits for them. What fails is tried again by the next sweep.
func (x *expulsion) sweep(ctx context.Context) {
	x.mu.Lock()
	names := slices.Collect(maps.Keys(x.groups))
	x.mu.Unlock()
	if len(names) == 0 {
		return
	}
	ask := kmsg.NewPtrDescribeGroupsRequest()
	ask.Groups = names
	answer, err := ask.RequestWith(ctx, x.client)
	if err != nil {
		return
	}
	for _, g := range answer.Groups {
		if g.State != "Stable" {
			continue
		}
		for _, member := range x.silent(g.Group, g.Members) {
			x.expel(ctx, g.Group, member)
		}
	}
}

// silent are the members that were not heard of for too long. One that is seen for the
// first time counts from now.
func (x *expulsion) silent(group string, members []kmsg.DescribeGroupsResponseGroupMember) (silent []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, now, heard := x.groups[group], time.Now(), map[string]time.Time{}
	for _, m := range members {
		last, known := a.heard[m.MemberID]
		if !known {
			last = now
		}
		heard[m.MemberID] = last
		if now.Sub(last) > a.session+spare {
			silent = append(silent, m.MemberID)
		}
	}
	a.heard = heard // those who left are forgotten
	return silent
}

func (x *expulsion) expel(ctx context.Context, group, member string) {
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = group
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	leave.Members = append(leave.Members, m)
	_, _ = leave.RequestWith(ctx, x.client) // the next sweep finds it again
}
