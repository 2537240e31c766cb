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
	// Unheard are those of the lost that one of the databases never heard of: it does
	// not know the key.
	Unheard int `json:"unheard"`
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

// held is what a database holds in the end.
type held struct {
	notes map[string]notes.Note
	keys  map[string]notes.Key
}

func holding(all []notes.Note, keys []notes.Key) held {
	h := held{notes: map[string]notes.Note{}, keys: map[string]notes.Key{}}
	for _, n := range all {
		h.notes[n.ID] = n
	}
	for _, k := range keys {
		h.keys[k.Key] = k
	}
	return h
}

// judgement is judge at work.
type judgement struct {
	c       Counts
	seeds   map[string]bool
	stories map[string]*story // by note
	byKey   map[string]done
	lost    map[string]bool // by key
	sides   [2]held
}

// judge compares. seeds are the notes of the first day. It relies on that each write
// has a text of its own, which is its key, and that a note's text is replaced whole:
// so a version that is higher is what came later.
func judge(all []done, seeds []notes.Note, old, new held) Counts {
	j := &judgement{
		seeds: map[string]bool{}, stories: map[string]*story{}, byKey: map[string]done{}, lost: map[string]bool{}, sides: [2]held{old, new},
	}
	for _, n := range seeds {
		j.seeds[n.ID] = true
		j.of(n.ID).asked = 1
	}
	for _, d := range all {
		j.file(d)
	}
	for _, side := range j.sides {
		j.unheard(side)
	}
	for _, side := range j.sides {
		j.missing(side)
		j.conflicts(side)
	}
	j.back()
	j.c.Lost = len(j.lost)
	j.twice()
	j.differing()
	return j.c
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

// unheard finds the acknowledged writes whose key a database does not know.
func (j *judgement) unheard(side held) {
	for _, key := range slices.Sorted(maps.Keys(j.byKey)) {
		d := j.byKey[key]
		if _, known := side.keys[key]; known || d.outcome != acknowledged || j.lost[key] {
			continue
		}
		j.c.Unheard++
		j.lose(d, "a database never heard of it")
	}
}

// missing finds those that a database knew and has not kept.
func (j *judgement) missing(side held) {
	for _, id := range slices.Sorted(maps.Keys(j.stories)) {
		s := j.stories[id]
		row, there := side.notes[id]
		live := there && !row.Deleted
		for _, d := range s.acked {
			if d.Op == notes.Delete || kept(d, row, live, s.deleted) {
				continue
			}
			why := fmt.Sprintf("a database has version %d of it", row.Version) // 0: it has none
			if live && row.Version == d.told.Version {
				why = "a database has another text as that version"
			}
			j.lose(d, why)
		}
	}
}

// kept tells whether an acknowledged creation or edit is in a row, or was replaced by
// what came later.
func kept(d done, row notes.Note, live, deleted bool) bool {
	if !live {
		return deleted
	}
	return row.Version > d.told.Version || row.Version == d.told.Version && row.Text == d.Text
}

// conflicts finds writes that became the same version of a note, in one database's own
// knowledge: whatever comes later has forgotten all of them but one.
func (j *judgement) conflicts(side held) {
	type place struct {
		note    string
		version int64
	}
	first := map[place]string{}
	for _, key := range slices.Sorted(maps.Keys(side.keys)) {
		at := place{side.keys[key].Note, side.keys[key].Version}
		other, taken := first[at]
		if !taken {
			first[at] = key
			continue
		}
		for _, one := range []string{other, key} {
			if d := j.byKey[one]; d.outcome == acknowledged && side.notes[at.note].Text != one {
				j.lose(d, "another write is that version, too")
				break
			}
		}
	}
}

func (j *judgement) lose(d done, why string) {
	if j.lost[d.Key] {
		return
	}
	j.lost[d.Key] = true
	j.tell("%s of note %s was acknowledged as version %d: %s", d.Op, d.told.Note, d.told.Version, why)
}

// back finds notes that are there, though somebody was told that they are deleted.
func (j *judgement) back() {
	for id, s := range j.stories {
		if !slices.ContainsFunc(s.acked, func(d done) bool { return d.Op == notes.Delete }) {
			continue
		}
		if live(j.sides[0].notes[id]) != (notes.Note{}) || live(j.sides[1].notes[id]) != (notes.Note{}) {
			j.c.Back++
			j.tell("note %s was deleted, and is there", id)
		}
	}
}

// twice finds creations with more than one note, notes that nobody asked for, and notes
// with more versions than writes.
func (j *judgement) twice() {
	made := map[string]map[string]bool{} // keys to notes
	for _, side := range j.sides {
		for id, n := range side.notes {
			if made[n.Made] == nil {
				made[n.Made] = map[string]bool{}
			}
			made[n.Made][id] = !j.seeds[id]
		}
	}
	for key, ids := range made {
		maps.DeleteFunc(ids, func(_ string, counts bool) bool { return !counts })
		if d, asked := j.byKey[key]; len(ids) > 0 && (!asked || d.outcome == refused) {
			j.c.Invented++
			j.tell("nobody asked for the note that %s made", key)
		}
		if len(ids) > 1 {
			j.c.Twice += len(ids) - 1
			j.tell("the creation %s made %d notes", key, len(ids))
		}
	}
	for id, s := range j.stories {
		newest := max(j.sides[0].notes[id].Version, j.sides[1].notes[id].Version)
		if extra := int(newest) - s.asked; extra > 0 && s.asked > 0 && (j.seeds[id] || s.made()) {
			j.c.Twice += extra
			j.tell("note %s has version %d, of %d writes", id, newest, s.asked)
		}
	}
}

// made tells whether the note's creation is in the story: where its client gave up,
// nobody knows which note it is.
func (s *story) made() bool {
	return slices.ContainsFunc(s.acked, func(d done) bool { return d.Op == notes.Create })
}

// differing compares the live rows, and names those of them that hold what nobody was
// told of.
func (j *judgement) differing() {
	ids := map[string]bool{}
	for _, side := range j.sides {
		for id := range side.notes {
			ids[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		a, b := live(j.sides[0].notes[id]), live(j.sides[1].notes[id])
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
