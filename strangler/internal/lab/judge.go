package lab

import (
	"fmt"
	"maps"
	"slices"

	"banyan.dev/strangler/internal/lab/notes"
)

// Counts is what the two databases hold, beside what clients were told.
type Counts struct {
	// Acknowledged writes, and Unknown ones, whose clients gave up without an answer:
	// these may be there or not, but then in both databases.
	Acknowledged int `json:"acknowledged"`
	Unknown      int `json:"unknown"`
	// Lost writes were acknowledged and are missing in a database, or were overwritten
	// by what is no newer.
	Lost int `json:"lost"`
	// LostOld and LostNew are the same by database; one write may be in both.
	LostOld int `json:"lost_old"`
	LostNew int `json:"lost_new"`
	// Twice: a write that was done more than once.
	Twice int `json:"twice"`
	// Invented: a write that nobody was told of is in one database and not in the
	// other; or a note that nobody asked for.
	Invented int `json:"invented"`
	// Back: a note whose deletion was acknowledged, and that is there.
	Back int `json:"came_back"`
	// Differing rows are not the same in the two databases.
	Differing int `json:"differing_rows"`
	// Moves is how often ownership was handed over.
	Moves int `json:"moves"`
	// Examples tell some of it, by the writes' keys.
	Examples []string `json:"examples,omitempty"`
}

// Faults is how many of all kinds there are.
func (c Counts) Faults() int { return c.Lost + c.Twice + c.Invented + c.Back + c.Differing }

// story is what clients did to one note.
type story struct {
	acked   []done
	deleted bool // somebody asked for it, whatever the outcome
	asked   int  // writes that may have been done
}

// judge compares. seeds are the notes of the first day. It relies on that each write
// has a text of its own, which is its key, and that a note's text is replaced whole:
// so a version that is higher is what came later.
func judge(all []done, seeds, old, new []notes.Note) Counts {
	j := &judgement{
		stories: map[string]*story{}, byKey: map[string]done{}, lost: map[string]bool{}, sides: [2]map[string]notes.Note{index(old), index(new)},
	}
	for _, n := range seeds {
		j.of(n.ID).asked = 1
	}
	for _, d := range all {
		j.file(d)
	}
	j.c.LostOld, j.c.LostNew = j.missing(j.sides[0]), j.missing(j.sides[1])
	j.conflicts()
	j.c.Lost = len(j.lost)
	j.twice(seeds)
	j.differing()
	return j.c
}

func index(all []notes.Note) map[string]notes.Note {
	by := map[string]notes.Note{}
	for _, n := range all {
		by[n.ID] = n
	}
	return by
}

type judgement struct {
	c       Counts
	stories map[string]*story // by note
	byKey   map[string]done
	lost    map[string]bool // by key
	sides   [2]map[string]notes.Note
}

func (j *judgement) of(note string) *story {
	if j.stories[note] == nil {
		j.stories[note] = &story{}
	}
	return j.stories[note]
}

func (j *judgement) file(d done) {
	j.byKey[d.Key] = d
	switch d.outcome {
	case acknowledged:
		j.c.Acknowledged++
		s := j.of(d.told.Note)
		s.acked = append(s.acked, d)
		s.asked++
		s.deleted = s.deleted || d.Op == notes.Delete
	case unknown:
		j.c.Unknown++
		if d.Op != notes.Create {
			s := j.of(d.Note)
			s.asked++
			s.deleted = s.deleted || d.Op == notes.Delete
		}
	}
}

// missing counts the acknowledged writes that a database has not kept.
func (j *judgement) missing(side map[string]notes.Note) (n int) {
	for id, s := range j.stories {
		row, there := side[id]
		live := there && !row.Deleted
		for _, d := range s.acked {
			switch {
			case d.Op == notes.Delete && live:
				j.c.Back++
				j.tell("note %s was deleted, and is there", id)
			case d.Op == notes.Delete || kept(d, row, live, s.deleted):
			default:
				n++
				j.lose(d, there, row)
			}
		}
	}
	return n
}

// kept tells whether an acknowledged creation or edit is in a row, or was replaced by
// what came later.
func kept(d done, row notes.Note, live, deleted bool) bool {
	if !live {
		return deleted
	}
	return row.Version > d.told.Version || row.Version == d.told.Version && row.Text == d.Text
}

func (j *judgement) lose(d done, there bool, row notes.Note) {
	if j.lost[d.Key] {
		return
	}
	j.lost[d.Key] = true
	has := "nothing"
	if there {
		has = fmt.Sprintf("version %d", row.Version)
	}
	j.tell("%s of note %s was acknowledged as version %d, and a database has %s", d.Op, d.told.Note, d.told.Version, has)
}

// conflicts finds two acknowledged writes that both became the same version of a
// note: whatever comes later has forgotten one of them.
func (j *judgement) conflicts() {
	for id, s := range j.stories {
		first := map[int64]done{}
		for _, d := range s.acked {
			other, taken := first[d.told.Version]
			if !taken {
				first[d.told.Version] = d
				continue
			}
			if !j.lost[other.Key] && !j.lost[d.Key] {
				j.lost[d.Key] = true
				j.tell("note %s: two writes were acknowledged as version %d", id, d.told.Version)
			}
		}
	}
}

// twice finds creations with more than one note, and notes with more versions than
// writes.
func (j *judgement) twice(seeds []notes.Note) {
	made := map[string]map[string]bool{} // keys to notes
	first := index(seeds)
	for _, side := range j.sides {
		for id, n := range side {
			if _, seed := first[id]; seed {
				continue
			}
			if made[n.Made] == nil {
				made[n.Made] = map[string]bool{}
			}
			made[n.Made][id] = true
		}
	}
	for key, ids := range made {
		if d, known := j.byKey[key]; !known || d.outcome == refused {
			j.c.Invented++
			j.tell("nobody was told of the note that %s made", key)
		}
		if len(ids) > 1 {
			j.c.Twice += len(ids) - 1
			j.tell("the creation %s made %d notes", key, len(ids))
		}
	}
	for id, s := range j.stories {
		newest := max(j.sides[0][id].Version, j.sides[1][id].Version)
		if extra := int(newest) - s.asked; extra > 0 && len(s.acked) > 0 {
			j.c.Twice += extra
			j.tell("note %s has version %d, of %d writes", id, newest, s.asked)
		}
	}
}

// differing compares the live rows, and names those of them that hold what nobody was
// told of.
func (j *judgement) differing() {
	ids := map[string]bool{}
	for _, side := range j.sides {
		for id := range side {
			ids[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		a, b := live(j.sides[0][id]), live(j.sides[1][id])
		if a == b {
			continue
		}
		j.c.Differing++
		j.tell("note %s is version %d at old and %d at new (0: it is not there)", id, a.Version, b.Version)
		for _, n := range []notes.Note{a, b} {
			if d, is := j.byKey[n.Text]; is && d.outcome == unknown && n.ID != "" {
				j.c.Invented++
				j.tell("note %s: nobody was told of %s, and one database has it", id, n.Text)
			}
		}
	}
}

// live is the note as a reader sees it; the zero note when there is none.
func live(n notes.Note) notes.Note {
	if n.Deleted {
		return notes.Note{}
	}
	return n
}

const examples = 5

func (j *judgement) tell(format string, args ...any) {
	if len(j.c.Examples) < examples {
		j.c.Examples = append(j.c.Examples, fmt.Sprintf(format, args...))
	}
}
