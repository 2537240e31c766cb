package ledger_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/ledger"
)

func TestHistoryTellsWhatTheWriterKnows(t *testing.T) {
	l := ledger.New(steady())
	done := l.Invoke(ledger.Op{Kind: ledger.CreatePost, Marker: "mark-t-1"})
	refused := l.Invoke(ledger.Op{Kind: ledger.CreatePost})
	doubtful := l.Invoke(ledger.Op{Kind: ledger.CreatePost})
	l.Invoke(ledger.Op{Kind: ledger.CreatePost})
	l.Acknowledge(done, "p1", 1)
	l.Refuse(refused, "422")
	l.Doubt(doubtful, "no answer")
	l.Unseen(done, "404")

	var outcomes []ledger.Outcome
	for _, op := range l.History() {
		outcomes = append(outcomes, op.Outcome)
	}
	assert.Equal(t, []ledger.Outcome{ledger.OK, ledger.Failed, ledger.Unknown, ledger.Unknown}, outcomes,
		"a write in flight is as unknown as one without an answer")
	assert.Equal(t, "404", l.History()[0].Unseen)
	assert.Equal(t, "p1", l.History()[0].Aggregate)
}

func TestExportIsOneEventPerLine(t *testing.T) {
	l := ledger.New(steady())
	id := l.Invoke(ledger.Op{Kind: ledger.CreateComment, Parent: "p1", Marker: "mark-t-1", Window: "w"})
	l.Acknowledge(id, "c1", 1)
	l.Doubt(l.Invoke(ledger.Op{Kind: ledger.DeleteComment, Aggregate: "c1"}), "connection reset")

	var out bytes.Buffer
	require.NoError(t, l.Export(&out))

	var events []string
	for line := range strings.Lines(out.String()) {
		var e struct {
			Event string    `json:"event"`
			Why   string    `json:"why"`
			Write ledger.Op `json:"write"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		events = append(events, strings.TrimSpace(e.Event+" "+e.Why))
	}
	assert.Equal(t, []string{"invoke", "ok", "invoke", "unknown connection reset"}, events)
}
