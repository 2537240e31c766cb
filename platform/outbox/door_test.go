package outbox

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// door stands between a relay and its database, and can be shut.
type door struct {
	t       *testing.T
	url     string
	to      string
	address string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	all      sync.WaitGroup
}

func newDoor(t *testing.T, database string) *door {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	d := &door{t: t, to: u.Host, address: "127.0.0.1:0"}
	d.open()
	u.Host = d.address
	d.url = u.String()
	t.Cleanup(d.shut)
	return d
}

func (d *door) open() {
	listener, err := net.Listen("tcp", d.address)
	require.NoError(d.t, err)
	d.mu.Lock()
	d.listener, d.address, d.conns = listener, listener.Addr().String(), map[net.Conn]struct{}{}
	d.mu.Unlock()
	d.all.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			d.all.Go(func() { d.pass(in) })
		}
	})
}

func (d *door) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer out.Close()
	d.mu.Lock()
	if d.conns == nil {
		d.mu.Unlock()
		return
	}
	d.conns[in], d.conns[out] = struct{}{}, struct{}{}
	d.mu.Unlock()
	d.all.Go(func() {
		_, _ = io.Copy(in, out)
		in.Close()
	})
	_, _ = io.Copy(out, in)
}

// shut closes the door and all that goes through it.
func (d *door) shut() {
	d.mu.Lock()
	d.listener.Close()
	for c := range d.conns {
		c.Close()
	}
	d.conns = nil
	d.mu.Unlock()
	d.all.Wait()
}
