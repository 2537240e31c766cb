// Package sock asks the operating system what a connection's peer has done,
// without reading from the connection and without a goroutine that waits for it.
// The gateway asks it whether a client went away while its owner still works, and
// whether a pooled connection was closed while it lay idle.
package sock

// State is what lies in a connection's receive buffer.
type State int

// The states. Unknown is the answer where the question can't be asked.
const (
	Unknown State = iota
	Quiet         // nothing has come
	Data          // bytes wait to be read
	Closed        // the peer closed its side, or the connection broke
)
