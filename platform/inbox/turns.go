package inbox

// turn is what the version rule says of one event.
type turn int

const (
	now    turn = iota // it is its turn
	older              // its version, or a later one, was handled
	early              // a version before it is missing
	missed             // it was waited for in vain, and others went on
)

// series is what a consumer knows of one aggregate's versions. Its methods are the
// version rule; they know no database.
type series struct {
	known bool // some version was handled
	at    int64
	gaps  []span
}

// span is a range of versions, both ends in it.
type span struct{ first, last int64 }

// judge says what is to be done with a version. midway lets the first that is seen be
// the first.
func (s *series) judge(version int64, midway bool) turn {
	switch {
	case version == s.at+1, !s.known && midway:
		return now
	case version > s.at:
		return early
	}
	for _, g := range s.gaps {
		if g.first <= version && version <= g.last {
			return missed
		}
	}
	return older
}

// take notes that a version is handled. What lies between is given up.
func (s *series) take(version int64, midway bool) (gap span, given bool) {
	if version > s.at+1 && (s.known || !midway) {
		gap, given = span{s.at + 1, version - 1}, true
		s.gaps = append(s.gaps, gap)
	}
	s.known, s.at = true, version
	return gap, given
}
