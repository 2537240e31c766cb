package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"banyan.dev/strangler/internal/ledger"
)

var written = []ledger.Op{
	{ID: 1, Kind: ledger.CreatePost, Window: "first", Aggregate: "p1", Marker: "mark-t-1", Version: 1, Outcome: ledger.OK},
	{ID: 2, Kind: ledger.EditPost, Window: "first", Aggregate: "p1", Marker: "mark-t-2", Version: 2, Outcome: ledger.OK},
	{ID: 3, Kind: ledger.CreateComment, Window: "second", Aggregate: "c1", Parent: "p1", Marker: "mark-t-3", Version: 1, Outcome: ledger.OK},
	{ID: 4, Kind: ledger.EditPost, Window: "second", Aggregate: "p1", Marker: "mark-t-4", Version: 3, Outcome: ledger.OK},
}

func post(id string, version int64, markers ...string) ledger.Sighting {
	return ledger.Sighting{Type: ledger.Post, ID: id, Version: version, Markers: markers, Listed: 1}
}

func comment(id string, version int64, markers ...string) ledger.Sighting {
	return ledger.Sighting{Type: ledger.Comment, ID: id, Version: version, Markers: markers, Listed: 1}
}

func TestCheckNamesTheFault(t *testing.T) {
	tests := map[string]struct {
		more  []ledger.Op
		shown ledger.Snapshot
		want  ledger.Tally // without the counts of acknowledged and unknown
	}{
		"nothing wrong": {
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4"), comment("c1", 1, "mark-t-3")},
		},
		"a comment is gone": {
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4")},
			want:  ledger.Tally{Lost: 1},
		},
		"the last edit is missing": {
			shown: ledger.Snapshot{post("p1", 2, "mark-t-2"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{Lost: 1},
		},
		"an older text came over a newer one": {
			shown: ledger.Snapshot{post("p1", 4, "mark-t-2"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{OutOfOrder: 1},
		},
		"the text is right and the version fell": {
			shown: ledger.Snapshot{post("p1", 1, "mark-t-4"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{OutOfOrder: 1},
		},
		"a comment is there twice": {
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4"), comment("c1", 1, "mark-t-3"), comment("c2", 1, "mark-t-3")},
			want:  ledger.Tally{Duplicated: 1},
		},
		"a listing repeats itself": {
			shown: ledger.Snapshot{
				{Type: ledger.Post, ID: "p1", Version: 3, Markers: []string{"mark-t-4"}, Listed: 3}, comment("c1", 1, "mark-t-3"),
			},
			want: ledger.Tally{Duplicated: 2},
		},
		"a copy kept the first text of what was edited since": {
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4"), post("p2", 1, "mark-t-1"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{Duplicated: 1},
		},
		"a deleted comment is back": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.DeleteComment, Aggregate: "c1", Outcome: ledger.OK}},
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{CameBack: 1},
		},
		"comments go with their post": {
			more: []ledger.Op{{ID: 5, Kind: ledger.DeletePost, Aggregate: "p1", Outcome: ledger.OK}},
		},
		"an unknown deletion excuses absence": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.DeleteComment, Aggregate: "c1", Outcome: ledger.Unknown}},
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4")},
		},
		"an unknown edit may have happened": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.EditPost, Aggregate: "p1", Marker: "mark-t-5", Outcome: ledger.Unknown}},
			shown: ledger.Snapshot{post("p1", 4, "mark-t-5"), comment("c1", 1, "mark-t-3")},
		},
		"an unknown creation may have happened, once": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.CreatePost, Marker: "mark-t-5", Outcome: ledger.Unknown}},
			shown: ledger.Snapshot{post("p1", 3, "mark-t-4"), comment("c1", 1, "mark-t-3"), post("p2", 1, "mark-t-5"), post("p3", 1, "mark-t-5")},
			want:  ledger.Tally{Duplicated: 1},
		},
		"a version answered twice": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.EditPost, Aggregate: "p1", Marker: "mark-t-5", Version: 3, Outcome: ledger.OK}},
			shown: ledger.Snapshot{post("p1", 3, "mark-t-5"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{OutOfOrder: 1},
		},
		"a publication is undone": {
			more:  []ledger.Op{{ID: 5, Kind: ledger.PublishPost, Aggregate: "p1", Version: 4, Outcome: ledger.OK}},
			shown: ledger.Snapshot{post("p1", 4, "mark-t-4"), comment("c1", 1, "mark-t-3")},
			want:  ledger.Tally{Lost: 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := ledger.Check(append(written[:len(written):len(written)], test.more...), test.shown)
			test.want.Acknowledged, test.want.Unknown = got.Acknowledged, got.Unknown
			assert.Equal(t, test.want, got.Tally, got.Explain(10))
		})
	}
}

func TestFindingsBelongToTheWindowOfTheirWrite(t *testing.T) {
	report := ledger.Check(written, nil)

	assert.Equal(t, ledger.Tally{Acknowledged: 2}, report.ByWindow["first"])
	assert.Equal(t, ledger.Tally{Acknowledged: 2, Lost: 2}, report.ByWindow["second"], "the last write to each was made there")
	assert.Equal(t, 2, report.Lost)
	assert.False(t, report.OK())
	assert.Contains(t, report.Explain(1), "lost: the post is gone, and nobody deleted it")
	assert.Contains(t, report.Explain(1), "and 1 more")
}

func TestMarkersStandInTexts(t *testing.T) {
	m := ledger.Marker("r7", 12)
	assert.Equal(t, []string{m, m}, ledger.Markers("<p>so "+m+", and again ("+m+").</p>"))
	assert.Empty(t, ledger.Markers("nothing re-mark-able"))
}

func steady() func() time.Time {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return func() time.Time { return at }
}
