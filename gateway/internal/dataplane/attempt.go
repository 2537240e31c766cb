package dataplane

import (
	"errors"
	"time"

	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/upstream"
)

// forward sends the request, to one replica after another where that is safe, and
// takes over the first answer.
func (x *exchange) forward() {
	fresh := false
	for {
		err := x.connect(fresh)
		if err != nil {
			x.fail(err)
			return
		}
		err = x.try()
		if err == nil {
			return
		}
		if errors.Is(err, errElsewhere) {
			if err := x.goElsewhere(); err != nil {
				x.giveUp(err)
				return
			}
			fresh = false
			continue
		}
		// A kept connection that turns out closed says nothing about its replica,
		// and doesn't count as a retry: nobody is asked more than once for it.
		fresh = x.conn.Reused
		if !x.mayRepeat(err, fresh) || !fresh && !x.owner.Guard.MayRetry(time.Now()) {
			x.giveUp(err)
			return
		}
		if fresh {
			x.sent-- // so it never takes a retry's place; the next connection is a new one
		} else {
			x.choice.Replica.Failed()
			x.owner.Group.Answered(x.choice.Replica, false, time.Now())
			x.tried = append(x.tried, x.choice.Replica)
			x.meter().Retried()
		}
		x.abandon()
	}
}

// try makes one attempt over the connection.
func (x *exchange) try() error {
	x.sent++
	if err := x.send(); err != nil {
		return err
	}
	return x.receive()
}

// connect chooses a replica and a connection to it. When a replica takes none the
// next one is asked: nothing was sent yet, so any request may.
func (x *exchange) connect(fresh bool) error {
	for {
		x.choice = x.owner.Choose(&x.view, x.tried)
		r := x.choice.Replica
		if r == nil {
			if len(x.tried) > 0 {
				return errRefused
			}
			return errNobody
		}
		var conn *upstream.Conn
		if !fresh {
			conn = r.Idle(!x.replayable())
		}
		if conn == nil {
			var err error
			conn, err = r.Dial(x.deadline)
			if errors.Is(err, upstream.ErrDeadline) {
				return errLate
			}
			if err != nil {
				if upstream.IsDown(err) {
					r.MarkDown("no connection: " + err.Error())
				} else {
					x.ownTrouble = true
				}
				x.tried = append(x.tried, r)
				continue
			}
		}
		r.Begin()
		x.conn = conn
		conn.SetDeadline(x.deadline)
		if x.client != nil {
			conn.Gone = x.client.gone
		}
		return nil
	}
}

// replayable tells whether the request may be sent again without doing something
// twice: the method says so, and its body is still at hand.
func (x *exchange) replayable() bool {
	return policy.IsIdempotent(x.view.Method) && (x.body == noBody || x.body == bodyBuffered)
}

func (x *exchange) mayRepeat(err error, fresh bool) bool {
	return x.replayable() && !x.conn.Received() && (fresh || x.sent < x.owner.Attempts) && !x.interim &&
		!errors.Is(err, upstream.ErrDeadline) && !errors.Is(err, upstream.ErrGone)
}
