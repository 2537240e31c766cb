package who

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/platform/identity"
)

// Question is whose session a request carries.
type Question struct {
	// Session is the session cookie as in a Cookie header: "name=value".
	Session []byte
	// View is the request, whose affinity cookie may choose the replica.
	View *policy.Request
	Host []byte
	// Lines are the gateway's own header lines of the request, each with its end.
	Lines []byte
	// Deadline bounds the answer beside the policy's timeout.
	Deadline time.Time
	// Gone tells that nobody waits for the answer any more; nil is never.
	Gone func() bool
	// Beside is set for what no client waits for: it takes no place among the owner's
	// requests in flight, and neither minds its breaker nor moves it.
	Beside bool
}

// Answer is who asks.
type Answer struct {
	// Token is what identity.Header says of the request; empty for nobody.
	Token []byte
	// SetCookies are the values of the answer's Set-Cookie headers, which are the
	// client's: a session may be renewed by being asked about.
	SetCookies [][]byte
}

// Why nobody knows who asks.
var (
	errNobody  = errors.New("no replica takes requests")
	errService = errors.New("the answer names a service, and a session is a person's")
)

// longest is how long the answer's body may be.
const longest = 8 << 10

// attempts is how many replicas are asked at most, beside those that accept no
// connection: the question changes nothing.
const attempts = 2

// Ask asks whose session it is. It returns upstream.ErrGone when the client has left;
// any other error says that nobody knows, and that the request must not go on as if it
// were nobody's.
func (a *Asker) Ask(q Question) (Answer, error) {
	begun := time.Now()
	answer, err := a.ask(q, begun)
	if errors.Is(err, upstream.ErrGone) {
		return Answer{}, err
	}
	a.finder.note(answer, err, begun)
	return answer, err
}

func (a *Asker) ask(q Question, begun time.Time) (Answer, error) {
	if by := begun.Add(a.policy.Timeout); q.Deadline.IsZero() || by.Before(q.Deadline) {
		q.Deadline = by
	}
	t := try{Asker: a, q: q}
	if q.Beside {
		return t.run()
	}
	pass, err := a.owner.Guard.Admit(begun)
	if err != nil {
		return Answer{}, fmt.Errorf("ask %s: %w", a.owner.Name, err)
	}
	answer, err := t.run()
	a.owner.Guard.Done(pass, time.Now(), t.outcome)
	return answer, err
}

// try is one question on its way from replica to replica.
type try struct {
	*Asker
	q       Question
	tried   []*upstream.Replica
	outcome resilience.Outcome
	out     []byte
}

func (t *try) run() (Answer, error) {
	res := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(res)
	last := error(nil)
	for asked := 0; asked < attempts; {
		replica := t.owner.Choose(t.q.View, t.tried).Replica
		if replica == nil {
			break
		}
		t.tried = append(t.tried, replica)
		reached, err := t.one(replica, res)
		if err == nil && !isBusy(res.StatusCode()) {
			return t.take(res)
		}
		if err == nil {
			err = fmt.Errorf("it answered %d", res.StatusCode())
			t.fault(replica, err)
		}
		if last = fmt.Errorf("ask %s: %w", replica.ServedBy, err); errors.Is(err, upstream.ErrGone) {
			return Answer{}, last
		}
		if errors.Is(err, upstream.ErrDeadline) {
			t.outcome = resilience.Failed
			return Answer{}, last
		}
		if reached {
			asked++
			if asked < attempts && !t.q.Beside && !t.owner.Guard.MayRetry(time.Now()) {
				break
			}
		}
	}
	t.outcome = resilience.Failed
	if last == nil {
		last = fmt.Errorf("ask %s: %w", t.owner.Name, errNobody)
	}
	return Answer{}, last
}

// isBusy tells of a replica that others may stand in for.
func isBusy(status int) bool {
	switch status {
	case fasthttp.StatusBadGateway, fasthttp.StatusServiceUnavailable, fasthttp.StatusGatewayTimeout:
		return true
	}
	return false
}

// one asks one replica: over a kept connection, and when that turns out closed over a
// new one. It is reached unless it accepted no connection.
func (t *try) one(replica *upstream.Replica, res *fasthttp.Response) (reached bool, err error) {
	conn := replica.Idle(false)
	for {
		if conn == nil {
			if conn, err = replica.Dial(t.q.Deadline); err != nil {
				if upstream.IsDown(err) && !t.q.Beside {
					replica.MarkDown("no connection: " + err.Error())
				}
				return false, err
			}
		}
		err := t.exchange(replica, conn, res)
		if err == nil {
			return true, nil
		}
		if was := conn.Err(); was != nil {
			err = was // fasthttp hides it
		}
		stale := conn.Reused && !conn.Received() && !errors.Is(err, upstream.ErrDeadline) && !errors.Is(err, upstream.ErrGone)
		if !stale {
			t.fault(replica, err)
			return true, err
		}
		conn = nil
	}
}

// fault counts an answer that didn't come against the replica.
func (t *try) fault(replica *upstream.Replica, err error) {
	if t.q.Beside || errors.Is(err, upstream.ErrGone) {
		return
	}
	replica.Failed()
	t.owner.Group.Answered(replica, false, time.Now())
}

// exchange writes the question and reads the answer.
func (t *try) exchange(replica *upstream.Replica, conn *upstream.Conn, res *fasthttp.Response) error {
	replica.Begin()
	defer replica.End()
	conn.Sent()
	conn.SetDeadline(t.q.Deadline)
	conn.Gone = t.q.Gone
	err := t.talk(conn, replica, res)
	if err != nil {
		conn.Discard()
		return err
	}
	conn.Release(!res.ConnectionClose() && res.Header.ContentLength() != untilClose)
	return nil
}

// untilClose is what fasthttp calls the length of a body that ends with its connection.
const untilClose = -2

func (t *try) talk(conn *upstream.Conn, replica *upstream.Replica, res *fasthttp.Response) error {
	t.out = t.appendHead(t.out[:0], replica)
	if err := conn.SetWriteDeadline(t.q.Deadline); err != nil {
		return err
	}
	if _, err := conn.Write(t.out); err != nil {
		return err
	}
	for {
		if _, err := conn.R.Peek(1); err != nil { // fasthttp takes it for an end of file
			return err
		}
		res.Reset()
		if err := res.Header.Read(conn.R); err != nil {
			return fmt.Errorf("read the answer's head: %w", err)
		}
		if res.StatusCode() == fasthttp.StatusSwitchingProtocols {
			return errors.New("the owner switched protocols unasked")
		}
		if res.StatusCode() >= fasthttp.StatusOK {
			break
		}
	}
	if length := res.Header.ContentLength(); length == 0 || res.StatusCode() == fasthttp.StatusNoContent || res.StatusCode() == fasthttp.StatusNotModified {
		return nil
	}
	if err := res.ReadBody(conn.R, longest); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.Header.ContentLength() == -1 {
		return res.Header.ReadTrailer(conn.R)
	}
	return nil
}

func (t *try) appendHead(dst []byte, replica *upstream.Replica) []byte {
	dst = append(append(dst, "GET "...), t.policy.Path...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	if dst = append(dst, t.q.Host...); len(t.q.Host) == 0 { // HTTP/1.0 may leave it out
		dst = append(dst, replica.URL.Host...)
	}
	dst = append(append(dst, "\r\nAccept: application/json\r\nCookie: "...), t.q.Session...)
	dst = append(append(dst, "\r\n"...), t.q.Lines...)
	return append(dst, "\r\n"...)
}

// take understands an answer.
func (t *try) take(res *fasthttp.Response) (Answer, error) {
	t.outcome = resilience.OutcomeOf(res.StatusCode())
	replica := t.tried[len(t.tried)-1]
	if !t.q.Beside {
		t.owner.Group.Answered(replica, t.outcome == resilience.Answered, time.Now())
	}
	var out Answer
	for _, value := range res.Header.Cookies() {
		out.SetCookies = append(out.SetCookies, append([]byte(nil), value...))
	}
	switch res.StatusCode() {
	case fasthttp.StatusNoContent:
		return out, nil
	case fasthttp.StatusOK:
	default:
		return Answer{}, fmt.Errorf("%s answered %d, neither 200 nor 204", replica.ServedBy, res.StatusCode())
	}
	token, err := t.sign(res.Body())
	if err != nil {
		return Answer{}, fmt.Errorf("%s answered: %w", replica.ServedBy, err)
	}
	out.Token = []byte(token)
	return out, nil
}

// sign makes the token of what an answer says.
func (t *try) sign(body []byte) (string, error) {
	var person struct{ ID, Name, Role string }
	if err := json.Unmarshal(body, &person); err != nil {
		return "", fmt.Errorf("no identity: %w", err)
	}
	who := identity.Identity{ID: person.ID, Name: person.Name, Role: person.Role}
	if who.IsService() {
		return "", errService
	}
	return t.finder.keys.Sign(who, time.Now(), t.policy.Life)
}
