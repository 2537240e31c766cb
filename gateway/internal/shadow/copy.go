package shadow

import (
	"bytes"
	"slices"

	"banyan.dev/gateway/internal/upstream"
)

// keptBuffer is the largest buffer that a Copy keeps for the next request.
const keptBuffer = 64 << 10

// Copy is one request and the answer that its client got, on their way to the
// shadow. The data plane fills it beside its own work and then calls Submit or
// Abandon, once; afterwards it must not touch it. Nothing a Copy does waits for
// anybody. Of a nil Copy all methods do nothing. It is not safe for concurrent use.
//
//	x.copy = route.Sample(method)              // before the request is sent
//	x.copy.Request(head)                       // at each attempt
//	x.copy.Answer(status, replica)             // of the final answer's head
//	x.copy.Header(name, value)                 // for each of its lines, as the owner wrote it
//	x.copy.Body(piece)                         // as it passes
//	x.copy.Submit()                            // the answer is complete; or Abandon
type Copy struct {
	route    *Route
	head     []byte
	baseline answer
	token    []byte // says who asks, where the shadow is told and the baseline wasn't
	over     bool   // nothing more is kept: it was skipped
	again    bool   // this is the second look
	next     *Copy
}

// Request keeps the head of the request as the gateway sends it to the owner: the
// request line, all header lines with the client's credentials and the gateway's
// own, and the empty line. Called again, for another attempt, it replaces the
// former. The bytes are copied.
func (c *Copy) Request(head []byte) {
	if c == nil || c.over {
		return
	}
	c.head = append(c.head[:0], head...)
}

// Told says that it is known who asks: the head says it, or it is nobody. Without it a
// shadow that is told asks by itself.
func (c *Copy) Told() {
	if c != nil && !c.over {
		c.token = []byte{}
	}
}

// Answer keeps the status of the final answer and the replica that gave it. It
// forgets what was kept of an earlier answer.
func (c *Copy) Answer(status int, by *upstream.Replica) {
	if c == nil || c.over {
		return
	}
	c.baseline.begin(status, by)
}

// Header keeps a line of the answer's head if it counts in comparing. Call it with
// every line.
func (c *Copy) Header(name, value []byte) {
	if c == nil || c.over {
		return
	}
	if !c.baseline.keep(c.route.wanted, name, value) {
		return
	}
	if bytes.EqualFold(name, []byte("Content-Type")) && isEvents(value) {
		c.skip("the answer is a stream of events, which has no end")
	}
}

func isEvents(contentType []byte) bool {
	const events = "text/event-stream"
	return len(contentType) >= len(events) && bytes.EqualFold(contentType[:len(events)], []byte(events))
}

// Body keeps a piece of the answer's body, which is copied. Without transfer
// coding, but in the content coding it has. Once the body is longer than the policy
// keeps, the copy is counted as skipped and gives its memory back.
func (c *Copy) Body(piece []byte) {
	if c == nil || c.over || !c.route.comparesBody() {
		return
	}
	if len(c.baseline.body)+len(piece) > c.route.maxBody {
		c.skip(errTooLong.Error())
		return
	}
	c.baseline.body = append(c.baseline.body, piece...)
}

// Submit hands the copy over: the answer is complete.
func (c *Copy) Submit() {
	if c == nil {
		return
	}
	if !c.over && (len(c.head) == 0 || c.baseline.status == 0) {
		c.skip("the request or its answer is not known")
	}
	if c.over {
		c.free()
		return
	}
	c.route.state.push(c)
}

// Abandon gives the copy up: the client left, the owner broke off, or the gateway
// answered itself.
func (c *Copy) Abandon() {
	if c == nil {
		return
	}
	if !c.over {
		c.skip("there was no whole answer to compare with")
	}
	c.free()
}

// skip ends the copy before its request has ended.
func (c *Copy) skip(reason string) {
	c.over = true
	s := c.route.state
	s.skip(reason)
	s.pending.Add(-1)
	c.wipe()
}

// done gives the place of a copy free, and the copy back.
func (c *Copy) done() {
	c.route.state.pending.Add(-1)
	c.free()
}

func (c *Copy) free() {
	c.wipe()
	engine := c.route.engine
	*c = Copy{head: c.head, baseline: c.baseline}
	engine.copies.Put(c)
}

// wipe forgets the request and its answer. The credentials in them are overwritten:
// the buffer may lie idle for long.
func (c *Copy) wipe() {
	clear(c.head)
	clear(c.token)
	c.head, c.token = c.head[:0], nil
	c.baseline.begin(0, nil)
	if cap(c.baseline.body) > keptBuffer {
		c.baseline.body = nil
	}
}

// answer is what counts of one answer. Its header values lie one behind the other
// in values.
type answer struct {
	status  int
	replica *upstream.Replica
	fields  []field
	values  []byte
	body    []byte
}

// field is a header's value: of the wanted header with that index.
type field struct{ wanted, from, to int }

func (a *answer) begin(status int, by *upstream.Replica) {
	*a = answer{status: status, replica: by, fields: a.fields[:0], values: a.values[:0], body: a.body[:0]}
}

// keep notes a header if it is wanted.
func (a *answer) keep(wanted []string, name, value []byte) bool {
	found := false
	for i, w := range wanted {
		if len(w) == len(name) && bytes.EqualFold([]byte(w), name) {
			from := len(a.values)
			a.values = append(a.values, value...)
			a.fields = append(a.fields, field{i, from, len(a.values)})
			found = true
		}
	}
	return found
}

// header is the value of a wanted header. Several lines are one, joined by commas
// (RFC 9110, section 5.3).
func (a *answer) header(wanted int) (value string, ok bool) {
	for _, f := range a.fields {
		if f.wanted != wanted {
			continue
		}
		v := string(a.values[f.from:f.to])
		if ok {
			v = value + ", " + v
		}
		value, ok = v, true
	}
	return value, ok
}

// equals tells whether two answers are the same byte for byte. Those that aren't may
// still say the same.
func (a *answer) equals(b *answer) bool {
	return a.status == b.status && bytes.Equal(a.body, b.body) && slices.Equal(a.fields, b.fields) && bytes.Equal(a.values, b.values)
}
