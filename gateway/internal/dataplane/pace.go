package dataplane

import (
	"os"
	"time"
)

// pace holds a client that streams a body to a lowest average rate. Only the time
// counts in which the gateway waits for the client: an owner that is slow to take
// the body is not the client's fault (as Kestrel's MinRequestBodyDataRate and
// Apache's mod_reqtimeout have it, https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html).
type pace struct {
	waited time.Duration
	got    int64
}

// spare is how much longer the client may be waited for.
func (p *pace) spare(rate int, grace time.Duration) time.Duration {
	if rate <= 0 {
		return time.Hour
	}
	earned := time.Duration(float64(p.got) / float64(rate) * float64(time.Second))
	return grace + earned - p.waited
}

// paced reads a streamed body: no silence may be too long, nor all of them together.
func (c *client) paced(p []byte) (int, error) {
	wait := min(time.Duration(c.bodyStall.Load()), c.pace.spare(c.server.limits.BodyRate, c.server.limits.BodyGrace))
	if wait <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	began := time.Now()
	if !c.aborted.Load() {
		c.armed = began.Add(wait)
		if err := c.Conn.SetReadDeadline(c.armed); err != nil {
			return 0, err
		}
		if c.aborted.Load() { // between the look and the new deadline
			c.abortRead()
		}
	}
	n, err := c.Conn.Read(p)
	c.pace.got += int64(n)
	c.pace.waited += time.Since(began)
	return n, err
}
