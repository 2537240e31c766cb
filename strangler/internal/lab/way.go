package lab

import (
	"context"

	"banyan.dev/platform/inbox"
)

// The sides, by the names that routes use.
const (
	oldSide = "old"
	newSide = "new"
)

// way is one way to move writes.
type way struct {
	name, title string
	// red ways must fail; the other must hold.
	red bool
	why string
	// after is what a writer does between its commit and its answer.
	after after
	// oldFeeds and newFeeds let a side tell the other what it writes, through outbox,
	// relay and inbox.
	oldFeeds, newFeeds bool
	// writesAtNew says that the new side has writers, too.
	writesAtNew bool
	// guarded writers ask who owns.
	guarded bool
	// follower applies what is told; nil is notes.Follower.
	follower inbox.Handler
	// unsown notes of the first day are at the old side only, and not in both.
	unsown bool
	// meanwhile is what is done while clients write; nil is nothing.
	meanwhile func(ctx context.Context, t *trial) error
	// shows is how often the failure that the demo is about was seen.
	shows func(Counts) int
}

// after is what a writer does between its commit and its answer.
type after string

const (
	answerAtOnce    after = ""
	writeOther      after = "write the other database"
	repairOther     after = "write the other database, also when the key is known"
	publishDirectly after = "publish"
)
