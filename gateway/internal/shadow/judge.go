package shadow

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow/diff"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/platform/identity"
)

// run carries one copy to its end, or to its second look.
func (a *asker) run(c *Copy) {
	s := c.route.state
	if a.engine.closed.Load() {
		s.dropped.Add(1)
		c.done()
		return
	}
	if c.again && !a.askBaseline(c) {
		c.done()
		return
	}
	verdict, err := a.askShadow(c)
	switch {
	case errors.Is(err, errShutdown):
		s.dropped.Add(1)
	case isSkip(err):
		s.skip(err.Error())
	case err != nil:
		s.fail(err.Error())
	case verdict.result.Same():
		s.matched.Add(1)
	case c.route.policy.Compare.Again > 0 && !c.again:
		c.lookAgain()
		return
	default:
		s.kept.add(a.mismatch(c, verdict))
		s.mismatched.Add(1)
	}
	c.done()
}

// lookAgain queues the copy once more after the policy's time. Until then it keeps
// its place among the pending ones.
func (c *Copy) lookAgain() {
	c.again = true
	s := c.route.state
	time.AfterFunc(c.route.policy.Compare.Again, func() { s.push(c) })
}

// verdict is what came of a comparison.
type verdict struct {
	request request
	result  diff.Result
	answers [2]diff.Answer // the baseline's and the shadow's
}

// skipped says why two answers can't be compared.
type skipped struct{ reason string }

func (s *skipped) Error() string { return s.reason }

func isSkip(err error) bool {
	var s *skipped
	return errors.As(err, &s) || errors.Is(err, errTooLong) || errors.Is(err, diff.ErrCost)
}

// askBaseline replaces the client's answer by a newer one, as the client would get
// it. It goes to the replica that answered before, because a session may live there
// and nowhere else, or to another if that is gone. It is false when the copy can't
// be compared.
func (a *asker) askBaseline(c *Copy) bool {
	replica := c.baseline.replica
	if replica == nil || !replica.Healthy() {
		replica = c.route.baseline.Pick()
	}
	head, req, err := c.appendHead(a.out[:0], forBaseline)
	a.out = head
	if err == nil {
		err = a.ask(c.route, replica, isHead(req), &c.baseline)
	}
	clear(a.out) // credentials
	if errors.Is(err, errShutdown) {
		c.route.state.dropped.Add(1)
		return false
	}
	if err != nil {
		c.route.state.skip(fmt.Sprintf("the baseline could not be asked again: %v", err))
		return false
	}
	return true
}

func isHead(r request) bool { return string(r.method) == http.MethodHead }

// askShadow sends the copy and compares the answers.
func (a *asker) askShadow(c *Copy) (verdict, error) {
	var v verdict
	if err := c.identify(); err != nil {
		return v, &skipped{fmt.Sprintf("who asks can't be found out: %v", err)}
	}
	head, req, err := c.appendHead(a.out[:0], forShadow)
	a.out, v.request = head, req
	if err != nil {
		return v, &skipped{err.Error()}
	}
	if !c.again {
		c.route.state.sent.Add(1)
	}
	if err := a.ask(c.route, c.route.target.Pick(), isHead(req), &a.shadow); err != nil {
		return v, err
	}
	if c.baseline.status == http.StatusNotModified && a.shadow.status/100 == 2 {
		return v, &skipped{"the client's validator is the baseline's, not the shadow's: 304 has nothing to compare with"}
	}
	return v, a.compare(c, &v)
}

// identify finds out who asks, where the shadow is told and the baseline wasn't.
func (c *Copy) identify() error {
	if c.route.teller == nil || c.token != nil || bytes.Contains(c.head, identityLine) {
		return nil
	}
	token, err := c.route.teller.Copy(c.head, time.Now().Add(c.route.policy.Timeout))
	c.token = append([]byte{}, token...) // not nil: it has been asked for
	return err
}

var identityLine = []byte("\r\n" + identity.Header + ": ")

// compare fills the verdict. Answers of the same bytes are not looked into.
func (a *asker) compare(c *Copy, v *verdict) error {
	if a.shadow.equals(&c.baseline) {
		return nil
	}
	a.engine.comparing <- struct{}{}
	defer func() { <-a.engine.comparing }()
	r := c.route
	for i, from := range [...]*answer{&c.baseline, &a.shadow} {
		v.answers[i] = diff.Answer{Status: from.status, Headers: r.headers(from), Body: from.body}
	}
	if err := a.decode(c, v); err != nil {
		return err
	}
	var err error
	v.result, err = r.rules.Compare(v.answers[0], v.answers[1], mode(r.policy.Compare.Body))
	return err
}

// decode undoes the content codings of bodies that aren't the same. Where the status
// differs they are only shown, and may stay as they are.
func (a *asker) decode(c *Copy, v *verdict) error {
	r := c.route
	codings := [...]string{r.coding(&c.baseline), r.coding(&a.shadow)}
	if codings[0] == codings[1] && bytes.Equal(c.baseline.body, a.shadow.body) {
		return nil
	}
	for i, coding := range codings {
		plain, err := decode(v.answers[i].Body, coding, r.maxBody)
		switch {
		case err == nil:
			v.answers[i].Body = plain
		case r.comparesBody() && c.baseline.status == a.shadow.status:
			return err
		}
	}
	return nil
}

func mode(b config.BodyComparison) diff.Mode {
	switch b {
	case config.CompareNone:
		return diff.None
	case config.CompareHash:
		return diff.Bytes
	}
	return diff.JSON
}

func (r *Route) comparesBody() bool { return r.policy.Compare.Body != config.CompareNone }

// headers are those of an answer that the policy compares.
func (r *Route) headers(a *answer) []diff.Header {
	var out []diff.Header
	for i, name := range r.policy.Compare.Headers {
		if value, ok := a.header(i); ok {
			out = append(out, diff.Header{Name: name, Value: value})
		}
	}
	return out
}

// coding is the content coding of an answer; Open wants it behind the policy's
// headers.
func (r *Route) coding(a *answer) string {
	coding, _ := a.header(len(r.policy.Compare.Headers))
	return coding
}

// mismatch is what is kept of two answers that differ.
func (a *asker) mismatch(c *Copy, v verdict) Mismatch {
	m := Mismatch{
		At: time.Now(), Method: string(v.request.method), Target: maskTarget(v.request.target), RequestID: diff.Shorten(string(v.request.id), 128),
		Confirmed: c.again, Withheld: shortened(v.request.withheld),
		Differences: v.result.Differences, More: v.result.More,
		Baseline: sideOf(c.baseline.replica, v.answers[0]), Shadow: sideOf(a.shadow.replica, v.answers[1]),
	}
	m.Text = m.text()
	return m
}

// shortened bounds names that a client has chosen.
func shortened(names []string) []string {
	var out []string
	for _, name := range names[:min(len(names), keptWithheld)] {
		out = append(out, diff.Shorten(name, keptName))
	}
	return out
}

func sideOf(replica *upstream.Replica, answer diff.Answer) Side {
	s := Side{Status: answer.Status, Size: len(answer.Body)}
	if replica != nil {
		s.Owner, s.Replica = replica.Owner, replica.Name
	}
	s.Body, s.Cut = diff.Excerpt(answer.Body, keptBody)
	return s
}
