package lab

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/strangler/internal/lab/notes"
)

// case is a world with one seed note and three others: n1 was made and edited, n2 was
// made and deleted, n3 was made and its client gave up.
type planted struct {
	history  []done
	old, new held
}

var seeds = []notes.Note{{ID: "s", Version: 1, Text: "first", Made: "seed"}}

func told(op notes.Op, key, note string, version int64, o outcome) done {
	d := done{Write: notes.Write{Key: key, Op: op, Note: note, Text: key}, outcome: o}
	if o == acknowledged {
		d.told = notes.Answer{Note: note, Version: version}
	}
	if op == notes.Create {
		d.Note = ""
	}
	return d
}

func honest() planted {
	side := func() held {
		return holding([]notes.Note{
			{ID: "s", Version: 2, Text: "es", Made: "seed"},
			{ID: "n1", Version: 2, Text: "e1", Made: "c1"},
			{ID: "n2", Version: 2, Deleted: true, Made: "c2"},
			{ID: "n3", Version: 1, Text: "c3", Made: "c3"},
		}, []notes.Key{{Key: "c1", Note: "n1", Version: 1}, {Key: "e1", Note: "n1", Version: 2}, {Key: "c2", Note: "n2", Version: 1},
			{Key: "d2", Note: "n2", Version: 2}, {Key: "c3", Note: "n3", Version: 1}, {Key: "es", Note: "s", Version: 2}})
	}
	return planted{
		history: []done{
			told(notes.Create, "c1", "n1", 1, acknowledged), told(notes.Edit, "e1", "n1", 2, acknowledged),
			told(notes.Create, "c2", "n2", 1, acknowledged), told(notes.Delete, "d2", "n2", 2, acknowledged),
			told(notes.Create, "c3", "n3", 0, unknown), told(notes.Edit, "es", "s", 2, acknowledged),
			told(notes.Edit, "gone", "n2", 0, refused), told(notes.Create, "never", "", 0, unknown),
		},
		old: side(), new: side(),
	}
}

func (p planted) counts() Counts {
	c := judge(p.history, seeds, p.old, p.new)
	c.Examples = nil
	return c
}

// change gives one side another row.
func (h held) change(id string, how func(*notes.Note)) {
	n := h.notes[id]
	how(&n)
	h.notes[id] = n
}

func TestNothingIsFoundWhereNothingIsWrong(t *testing.T) {
	require.Equal(t, Counts{Acknowledged: 5, Unknown: 2}, honest().counts())
}

func TestWhatIsNoFault(t *testing.T) {
	for name, plant := range map[string]func(*planted){
		"an unknown write is in neither": func(p *planted) {
			delete(p.old.notes, "n3")
			delete(p.new.notes, "n3")
		},
		"a follower without tombstones has no row where one was deleted": func(p *planted) { delete(p.new.notes, "n2") },
		"an edit that a newer, unknown one replaced": func(p *planted) {
			p.history = append(p.history, told(notes.Edit, "u1", "n1", 0, unknown))
			for _, side := range []held{p.old, p.new} {
				side.change("n1", func(n *notes.Note) { n.Version, n.Text = 3, "u1" })
			}
		},
		"an unknown deletion that was done": func(p *planted) {
			p.history = append(p.history, told(notes.Delete, "u1", "n1", 0, unknown))
			for _, side := range []held{p.old, p.new} {
				side.change("n1", func(n *notes.Note) { n.Version, n.Text, n.Deleted = 3, "", true })
			}
		},
	} {
		p := honest()
		plant(&p)
		require.Zero(t, p.counts().Faults(), name)
	}
}

func TestEachFaultIsCountedAsWhatItIs(t *testing.T) {
	cases := []struct {
		name  string
		plant func(*planted)
		want  Counts
	}{
		{"the new database never heard of an edit", func(p *planted) {
			delete(p.new.keys, "e1")
			p.new.change("n1", func(n *notes.Note) { n.Version, n.Text = 1, "c1" })
		}, Counts{Lost: 1, Unheard: 1, Differing: 1}},
		{"a creation is missing at the old one, and so is its edit", func(p *planted) {
			delete(p.old.keys, "c1")
			delete(p.old.keys, "e1")
			delete(p.old.notes, "n1")
		}, Counts{Lost: 2, Unheard: 2, Differing: 1}},
		{"an older text was copied over a newer one", func(p *planted) {
			p.new.change("n1", func(n *notes.Note) { n.Version, n.Text = 1, "c1" })
		}, Counts{Lost: 1, Differing: 1}},
		{"another text under the same version, at both", func(p *planted) {
			for _, side := range []held{p.old, p.new} {
				side.change("n1", func(n *notes.Note) { n.Text = "x" })
			}
		}, Counts{Lost: 1}},
		{"two edits became one version, and a third came on top", func(p *planted) {
			p.history = append(p.history, told(notes.Edit, "e2", "n1", 2, acknowledged), told(notes.Edit, "e3", "n1", 3, acknowledged))
			for _, side := range []held{p.old, p.new} {
				side.keys["e2"], side.keys["e3"] = notes.Key{Key: "e2", Note: "n1", Version: 2}, notes.Key{Key: "e3", Note: "n1", Version: 3}
				side.change("n1", func(n *notes.Note) { n.Version, n.Text = 3, "e3" })
			}
		}, Counts{Lost: 1}},
		{"the deleted one is back", func(p *planted) {
			p.new.change("n2", func(n *notes.Note) { n.Version, n.Text, n.Deleted = 1, "c2", false })
		}, Counts{Back: 1, Differing: 1}},
		{"a creation was done twice, one at each side", func(p *planted) {
			p.new.notes["n9"] = notes.Note{ID: "n9", Version: 1, Text: "c1", Made: "c1"}
		}, Counts{Twice: 1, Differing: 1}},
		{"an edit was done twice", func(p *planted) {
			for _, side := range []held{p.old, p.new} {
				side.change("n1", func(n *notes.Note) { n.Version = 3 })
			}
		}, Counts{Twice: 1}},
		{"what nobody was told of is in one of them", func(p *planted) { delete(p.new.notes, "n3") }, Counts{Invented: 1, Differing: 1}},
		{"what was refused is there", func(p *planted) {
			p.history = append(p.history, told(notes.Create, "no", "", 0, refused))
			for _, side := range []held{p.old, p.new} {
				side.notes["n9"] = notes.Note{ID: "n9", Version: 1, Text: "no", Made: "no"}
			}
		}, Counts{Invented: 1}},
	}
	for _, c := range cases {
		p := honest()
		c.plant(&p)
		got := p.counts()
		got.Acknowledged, got.Unknown = 0, 0
		require.Equal(t, c.want, got, c.name)
		require.NotEmpty(t, judge(p.history, seeds, p.old, p.new).Examples, c.name)
	}
}

// Any honest history has no fault, and any harm to one database is found.
func TestAnyHarmIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history, all, keys := draw(t)
		old, new := holding(all, keys), holding(all, keys)
		require.Zero(t, judge(history, nil, old, new).Faults())
		harm(t, new)
		require.Positive(t, judge(history, nil, old, new).Faults())
	})
}

// draw is some writes, done one after the other by one database that is right.
func draw(t *rapid.T) (history []done, all []notes.Note, keys []notes.Key) {
	for i := range rapid.IntRange(1, 30).Draw(t, "writes") {
		w := notes.Write{Key: fmt.Sprint("k", i), Text: fmt.Sprint("k", i), Op: notes.Create}
		var n *notes.Note
		if len(all) > 0 {
			n = &all[rapid.IntRange(0, len(all)-1).Draw(t, "note")]
			w.Op = rapid.SampledFrom([]notes.Op{notes.Create, notes.Edit, notes.Delete}).Draw(t, "op")
		}
		if w.Op != notes.Create && n.Deleted {
			history = append(history, done{Write: w, outcome: refused})
			continue
		}
		switch w.Op {
		case notes.Create:
			all = append(all, notes.Note{ID: fmt.Sprint("n", i), Version: 1, Text: w.Text, Made: w.Key})
			n = &all[len(all)-1]
		case notes.Edit:
			w.Note, n.Version, n.Text = n.ID, n.Version+1, w.Text
		case notes.Delete:
			w.Note, n.Version, n.Text, n.Deleted = n.ID, n.Version+1, "", true
		}
		keys = append(keys, notes.Key{Key: w.Key, Note: n.ID, Version: n.Version})
		d := done{Write: w, outcome: unknown}
		if rapid.IntRange(0, 4).Draw(t, "answered") > 0 {
			d.outcome, d.told = acknowledged, notes.Answer{Note: n.ID, Version: n.Version}
		}
		history = append(history, d)
	}
	return history, slices.Clone(all), keys
}

// harm does something to a database that nobody asked for: to a live note where there
// is one, else to a deleted one.
func harm(t *rapid.T, side held) {
	var ids []string
	for id, n := range side.notes {
		if !n.Deleted {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		side.notes["new"] = notes.Note{ID: "new", Version: 1, Text: "from nowhere", Made: "nobody"}
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "harmed")
	switch rapid.IntRange(0, 3).Draw(t, "harm") {
	case 0:
		delete(side.notes, id)
	case 1:
		side.change(id, func(n *notes.Note) { n.Text = "overwritten" })
	case 2:
		side.change(id, func(n *notes.Note) { n.Version-- })
	case 3:
		n := side.notes[id]
		n.ID = "again"
		side.notes["again"] = n
	}
}
