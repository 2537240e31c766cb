package steps

import "time"

// AtEnd is the place of a demo that names none: after the step is reached.
const AtEnd = ""

// Demo shows what a step is for, with a few users of its own; what it expects may
// be that they are signed out.
type Demo struct {
	Name    string
	At      string // a mark, or AtEnd
	Through string // a process, or RoundRobin; empty is the step's entry
	Do      []Act
}

// RoundRobin is a second gateway without affinity, for the time of a demo.
const RoundRobin = "round_robin"

// Act is one line of a demo. Exactly one of the fields is set.
type Act struct {
	SignIn  int // so many people
	Ask     int // each asks so often who they are
	Read    int // a visitor reads the page of a post with comments so often
	Stale   int // so many comments are written, and somebody else waits for each
	Expect  string
	Measure string
	Fault   *Fault
	Action  *Action
}

// Fault is planted in front of a process, for the time of a demo: the process
// itself is as good as ever.
type Fault struct {
	Process string
	Delay   time.Duration // of each answer
	// For is the process that meets it, from its next start on; empty is whoever comes
	// by a gateway.
	For string
}

// What a demo may expect.
const (
	EveryoneSignedIn     = "everyone_signed_in"
	EveryoneSignedOut    = "everyone_signed_out"
	SignedOutAtEveryTurn = "signed_out_at_every_turn"
	OnlyUsersOfKilled    = "only_users_of_the_killed_signed_out"
	PagesWithComments    = "pages_with_comments"
	PagesWithoutComments = "pages_without_comments"
)

// What a demo may measure: how unevenly the replicas are used, how long requests
// waited while their routes were held, how the last ramp went, how long pages took
// that were read, how late others saw comments, and what the last hand-over was like.
const (
	Imbalance    = "imbalance"
	Waits        = "waits"
	LastRamp     = "ramp"
	LastReading  = "reading"
	LastStale    = "staleness"
	LastHandover = "handover"
)
