package dataplane

import "time"

// outlet is what a client's connection knows of its answer. While an answer of
// unknown length streams, small writes are gathered: what its owner sends in one
// piece leaves in one piece.
type outlet struct {
	corked   bool
	gathered *[]byte   // pooled; its length is what waits
	moved    time.Time // when the write deadline was
}

// gather holds small writes back until flush.
func (c *client) gather() { c.corked = true }

// Write writes, unless the client takes nothing for too long.
func (c *client) Write(p []byte) (int, error) {
	if !c.corked && c.gathered == nil {
		return c.write(p)
	}
	if c.gathered == nil {
		c.gathered = gatherBuffers.Get().(*[]byte)
	}
	if len(*c.gathered)+len(p) > cap(*c.gathered) {
		if err := c.flush(); err != nil {
			return 0, err
		}
		return c.write(p)
	}
	*c.gathered = append(*c.gathered, p...)
	if !c.corked { // fasthttp's last bytes
		return len(p), c.flush()
	}
	return len(p), nil
}

// flush writes what was gathered.
func (c *client) flush() error {
	if c.gathered == nil {
		return nil
	}
	_, err := c.write(*c.gathered)
	*c.gathered = (*c.gathered)[:0]
	gatherBuffers.Put(c.gathered)
	c.gathered = nil
	return err
}

// write writes at once. Moving the deadline at each write would cost more than it
// tells, so it is moved once a second.
func (c *client) write(p []byte) (int, error) {
	stall := c.server.limits.WriteStall
	if now := time.Now(); now.Sub(c.moved) > min(time.Second, stall/8) {
		c.moved = now
		if err := c.SetWriteDeadline(now.Add(stall)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}
