package dataplane

// Parked is how many idle connections wait with nothing.
func (s *Server) Parked() int {
	s.lot.mu.Lock()
	defer s.lot.mu.Unlock()
	return len(s.lot.parked)
}

// Open is how many connections there are.
func (s *Server) Open() int { return int(s.open.Load()) }

// Kept is how many bytes are reserved for bodies.
func (s *Server) Kept() int64 { return s.kept.Load() }
