package dataplane

import "sync"

// rooms are buffers for what is read ahead of a request. Nearly all are small; a
// large one takes the longest head that may come.
type rooms struct{ small, large sync.Pool }

const smallRoom = 2 << 10

func (r *rooms) get(size, longest int) []byte {
	pool, length := &r.small, smallRoom
	if size > smallRoom {
		pool, length = &r.large, max(longest, size)
	}
	if b, ok := pool.Get().(*[]byte); ok && cap(*b) >= size {
		return (*b)[:0]
	}
	return make([]byte, 0, length)
}

func (r *rooms) put(b []byte) {
	pool := &r.small
	if cap(b) > smallRoom {
		pool = &r.large
	}
	b = b[:0]
	pool.Put(&b)
}

// keep puts bytes into the room, which is empty.
func (c *client) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	c.room = append(c.server.rooms.get(len(b), c.server.limits.Header), b...)
	c.from = 0
}

// makeRoom sees to it that there is space behind what is in the room.
func (c *client) makeRoom() {
	switch {
	case c.room == nil:
		c.room, c.from = c.server.rooms.get(0, 0), 0
	case len(c.room) < cap(c.room):
	case c.from > 0:
		c.room = c.room[:copy(c.room, c.room[c.from:])]
		c.from = 0
	default:
		full := c.room
		c.room = append(c.server.rooms.get(len(full)+1, c.server.limits.Header), full...)
		c.server.rooms.put(full)
	}
}

// leaveRoom gives the room back, whatever is in it.
func (c *client) leaveRoom() {
	if c.room != nil {
		c.server.rooms.put(c.room)
		c.room, c.from = nil, 0
	}
}
