package database

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// knockEvery is how long a host that starts waits for an answer to its knock before it
// knocks again, beside the first. A database that is further away than that is knocked at
// once more or twice, and hears of the others that they are closed.
const knockEvery = 100 * time.Millisecond

// knocker opens connections. Until the database was reached once it sends a new first
// packet every knockEvery and takes who is answered first. In a cluster a pod's first
// packets may be dropped until those who enforce network policies know its address, which
// takes about a second; TCP alone sends again after 1 s, 3 s, 7 s (RFC 6298). Attempts that
// overlap are the idea of Happy Eyeballs (RFC 8305, 5). It is safe for concurrent use.
type knocker struct {
	dial    pgconn.DialFunc
	reached atomic.Bool // from then on one packet is enough, and TCP repeats it
}

// knock is what became of one attempt.
type knock struct {
	conn net.Conn
	err  error
}

// open is a pgconn.DialFunc. An answer that is a refusal is the result, too.
func (k *knocker) open(ctx context.Context, network, addr string) (net.Conn, error) {
	if k.reached.Load() {
		return k.dial(ctx, network, addr)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // gives up the other attempts
	answers := make(chan knock)
	again := time.NewTicker(knockEvery)
	defer again.Stop()
	for {
		go k.knock(ctx, network, addr, answers)
		select {
		case first := <-answers:
			return first.conn, first.err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-again.C:
		}
	}
}

// knock is one attempt; who is answered too late hangs up.
func (k *knocker) knock(ctx context.Context, network, addr string, answers chan<- knock) {
	conn, err := k.dial(ctx, network, addr)
	select {
	case answers <- knock{conn, err}:
	case <-ctx.Done():
		if err == nil {
			conn.Close()
		}
	}
}
