package contracts_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/features/contracts"
)

const (
	commentID = "01900000-0000-7000-8000-00000000000a"
	postID    = "01900000-0000-7000-8000-00000000000b"
	rita      = "01900000-0000-7000-8000-00000000000c"
	ann       = "01900000-0000-7000-8000-00000000000d"
	eventID   = "01900000-0000-7000-8000-00000000000e"
	runID     = "01900000-0000-7000-8000-00000000000f"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func key() contracts.CommentKey {
	return contracts.CommentKey{CommentID: commentID, AuthorID: rita, Key: "k-1", Hash: contracts.HexHash(sha256.Sum256([]byte("x"))), CreatedAt: at}
}

func state() contracts.CommentState {
	return contracts.CommentState{
		ID: commentID, PostID: postID, AuthorID: rita, AuthorName: "Rita", Body: "a < b", HTML: "<p>a &lt; b</p>",
		Status: contracts.Approved, Version: 3, CreatedAt: at, UpdatedAt: at.Add(time.Minute),
	}
}

func tombstone() contracts.Tombstone {
	return contracts.Tombstone{ID: commentID, PostID: postID, AuthorID: rita, Version: 4, DeletedAt: at}
}

// samples has one full event of each type.
func samples() map[string]contracts.Event {
	later := key()
	later.Key = "k-2"
	return map[string]contracts.Event{
		contracts.TypeCommentChanged: contracts.CommentChanged{
			CommentState: state(), Keys: []contracts.CommentKey{key(), later}, Epoch: 2,
			Effects: contracts.CommentEffects{
				Done: []contracts.Effect{contracts.EffectVerdict}, Left: []contracts.Effect{contracts.EffectCount, contracts.EffectQueue},
				Was: contracts.Pending, Reason: "a link", Notice: &contracts.Notice{To: ann, PostTitle: "Figs", Excerpt: "a < b"},
			},
		},
		contracts.TypeCommentDeleted: contracts.CommentDeleted{
			Tombstone: tombstone(), Keys: []contracts.CommentKey{key()}, Snapshot: true, Epoch: 2,
		},
		contracts.TypeCommentsClosed: contracts.CommentsClosed{PostID: postID, Key: eventID, ClosedAt: at, Epoch: 2},
		contracts.TypePostDeleted: contracts.PostDeleted{
			ID: postID, AuthorID: ann, Version: 9, DeletedAt: at, Done: []contracts.Effect{contracts.EffectComments}, Epoch: 1,
		},
		contracts.TypeCommentsChunk: contracts.CommentsChunk{
			Backfill: runID, Partition: 3, Partitions: 12, Number: 7, After: "01900000-0000-7000-8000-000000000001",
			Through: "01900000-0000-7000-8000-0000000000ff", Rows: []contracts.CommentState{state()}, Keys: []contracts.CommentKey{key()},
			Tombstones: []contracts.Tombstone{tombstone()}, Closed: []contracts.ClosedPost{{PostID: postID, Key: eventID, ClosedAt: at}}, Epoch: 1,
		},
		contracts.TypeDrainMarker: contracts.DrainMarker{Resource: "comments", Owner: "monolith", Epoch: 1, Partition: 3, Partitions: 12, FencedAt: at},
	}
}

func envelope(e contracts.Event) contracts.Attributes {
	return contracts.AttributesOf(e, eventID, "/banyan/monolith", at, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
}

func TestAnEventComesBackAsItWas(t *testing.T) {
	require.Len(t, samples(), len(contracts.EventTypes()), "a sample for each type")
	for name, e := range samples() {
		headers, payload, err := contracts.Encode(envelope(e), e)
		require.NoError(t, err, name)
		require.Equal(t, "1.0", headers["ce_specversion"])
		require.Equal(t, "application/json", headers["content-type"])
		a, back, err := contracts.Decode(headers, payload)
		require.NoError(t, err, name)
		require.Equal(t, envelope(e), a)
		require.Equal(t, e, back)
	}
}

// The golden files are what was written once. They are never changed: add another
// beside them.
func TestWhatWasWrittenOnceIsReadToday(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, file := range files {
		eventType, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "+")
		seen[eventType] = true
		payload, err := os.ReadFile(file)
		require.NoError(t, err)
		e, err := contracts.Parse(eventType, payload)
		require.NoError(t, err, file)
		again, err := contracts.Payload(e)
		require.NoError(t, err, file)
		require.JSONEq(t, string(known(t, payload)), string(again), "nothing of %s is lost", file)
	}
	for _, eventType := range contracts.EventTypes() {
		require.True(t, seen[eventType], "testdata/events/%s.json is missing", eventType)
		e, _ := contracts.Zero(eventType)
		require.Equal(t, eventType, e.EventType())
	}
}

// known is a payload without the field that the golden files have from a future.
func known(t *testing.T, payload []byte) []byte {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(payload, &fields))
	delete(fields, "from_the_future")
	out, err := json.Marshal(fields)
	require.NoError(t, err)
	return out
}

func TestABrokenEnvelopeIsNamed(t *testing.T) {
	e := samples()[contracts.TypeCommentChanged]
	headers, payload, err := contracts.Encode(envelope(e), e)
	require.NoError(t, err)
	for name, c := range map[string]struct{ header, value, want string }{
		"no version of CloudEvents": {"ce_specversion", "", "write 1.0"},
		"another":                   {"ce_specversion", "0.3", "write 1.0"},
		"structured mode":           {"content-type", "application/cloudevents+json; charset=utf-8", "binary mode"},
		"no JSON":                   {"content-type", "application/avro", "write application/json"},
		"no id":                     {"ce_id", "", "missing"},
		"an id of another kind":     {"ce_id", "42", "UUID"},
		"no source":                 {"ce_source", "", "missing"},
		"a source that is no URI":   {"ce_source", "http://[::1", "URI reference"},
		"no type":                   {"ce_type", "", "missing"},
		"control characters":        {"ce_subject", "a\x00b", "control characters"},
		"no UTF-8":                  {"ce_subject", "\xff", "UTF-8"},
		"another subject":           {"ce_subject", postID, "the payload is about " + commentID},
		"no time":                   {"ce_time", "", "missing"},
		"a time of another kind":    {"ce_time", "yesterday", "RFC 3339"},
		"a version with a zero":     {"ce_version", "03", "decimal number"},
		"version nought":            {"ce_version", "0", "decimal number"},
		"a version that is a word":  {"ce_version", "three", "decimal number"},
		"another version":           {"ce_version", "4", "the payload has version 3"},
		"another type":              {"ce_type", contracts.TypePostDeleted, ""},
	} {
		broken := maps.Clone(headers)
		broken[c.header] = c.value
		_, _, err := contracts.Decode(broken, payload)
		require.ErrorIs(t, err, contracts.ErrMalformed, name)
		require.ErrorContains(t, err, c.want, name)
		delete(broken, "ce_version")
		_, _, err = contracts.Decode(broken, payload)
		require.Error(t, err, name)
	}
	headers["content-type"] = "application/json; charset=utf-8"
	headers["ce_anotherextension"] = "ignored"
	_, _, err = contracts.Decode(headers, payload)
	require.NoError(t, err)
}

func TestAnUnknownTypeIsAKindOfItsOwn(t *testing.T) {
	e := samples()[contracts.TypeCommentChanged]
	headers, payload, err := contracts.Encode(envelope(e), e)
	require.NoError(t, err)
	headers["ce_type"] = "comment.sung"
	_, _, err = contracts.Decode(headers, payload)
	require.ErrorIs(t, err, contracts.ErrUnknownType)
	require.NotErrorIs(t, err, contracts.ErrMalformed)
	var permanent interface{ Permanent() bool }
	require.ErrorAs(t, err, &permanent)
	require.True(t, permanent.Permanent(), "the inbox puts it aside at once")
	_, known := contracts.Zero("comment.sung")
	require.False(t, known)
}

// Each change makes one field wrong; the error names it.
func TestABrokenPayloadIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ eventType, from, to string }{
		"id":                    {contracts.TypeCommentChanged, `"id":"` + commentID, `"id":"` + strings.ToUpper(commentID)},
		"status":                {contracts.TypeCommentChanged, `"status":"approved"`, `"status":"sung"`},
		"version":               {contracts.TypeCommentChanged, `"version":3`, `"version":0`},
		"body":                  {contracts.TypeCommentChanged, `"body":"a \u003c b"`, `"body":""`},
		"created_at":            {contracts.TypeCommentChanged, `"created_at"`, `"made_at"`},
		"epoch":                 {contracts.TypeCommentChanged, `"epoch":2`, `"epoch":-1`},
		"keys[0].hash":          {contracts.TypeCommentChanged, key().Hash, "AB" + key().Hash[2:]},
		"effects.notice.to":     {contracts.TypeCommentChanged, `"to":"` + ann, `"to":"ann`},
		"effects.left":          {contracts.TypeCommentChanged, `"done":["verdict"]`, `"done":["verdict","count"]`},
		"effects.was":           {contracts.TypeCommentChanged, `"was":"pending"`, `"was":"new"`},
		"effects":               {contracts.TypeCommentChanged, `"epoch":2`, `"epoch":2,"snapshot":true`},
		"keys[0].comment_id":    {contracts.TypeCommentDeleted, `"keys":[{"comment_id":"` + commentID, `"keys":[{"comment_id":"` + postID},
		"partition":             {contracts.TypeDrainMarker, `"partition":3`, `"partition":12`},
		"through":               {contracts.TypeCommentsChunk, `"last"`, `"last"`},
		"rows[0].id":            {contracts.TypeCommentsChunk, `"rows":[{"id":"` + commentID, `"rows":[{"id":"01900000-0000-7000-8000-000000000001`},
		"tombstones[0].version": {contracts.TypeCommentsChunk, `"version":4`, `"version":1`},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := contracts.Payload(samples()[c.eventType])
			require.NoError(t, err)
			if name == "through" {
				c.from, c.to = `"epoch":1`, `"epoch":1,"last":true`
			}
			require.Contains(t, string(payload), c.from)
			broken := bytes.ReplaceAll(payload, []byte(c.from), []byte(c.to))
			_, err = contracts.Parse(c.eventType, broken)
			require.ErrorIs(t, err, contracts.ErrMalformed)
			require.ErrorContains(t, err, ": "+name+" \"")
		})
	}
	_, err := contracts.Parse(contracts.TypeCommentChanged, []byte(`{"version":"three"}`))
	require.ErrorIs(t, err, contracts.ErrMalformed)
	_, err = contracts.Payload(contracts.CommentChanged{})
	require.ErrorIs(t, err, contracts.ErrMalformed, "what nobody could read is never written")
}

func TestACommentAndItsStateAreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contracts.Comment{
			ID: contracts.NewID(), PostID: contracts.NewID(), Author: contracts.Person{ID: contracts.NewID(), Name: rapid.String().Draw(t, "name")},
			Body: rapid.StringN(1, 50, -1).Draw(t, "body"), HTML: rapid.String().Draw(t, "html"),
			Status: rapid.SampledFrom(contracts.CommentStatus("").Values()).Draw(t, "status"), Version: rapid.IntRange(1, 1<<40).Draw(t, "version"),
			CreatedAt: time.UnixMicro(rapid.Int64Range(1, 1<<50).Draw(t, "created")).UTC(), UpdatedAt: time.UnixMicro(rapid.Int64Range(1, 1<<50).Draw(t, "updated")).UTC(),
		}
		e := contracts.CommentChanged{CommentState: contracts.StateOf(c), Epoch: 1}
		payload, err := contracts.Payload(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := contracts.Parse(e.EventType(), payload)
		if err != nil {
			t.Fatal(err)
		}
		if got := back.(contracts.CommentChanged).Comment(); got != c {
			t.Fatalf("%+v came back as %+v", c, got)
		}
	})
}

func TestEachEffectIsDoneByOne(t *testing.T) {
	e := samples()[contracts.TypeCommentChanged].(contracts.CommentChanged)
	require.True(t, e.LeftOf(contracts.EffectCount))
	require.False(t, e.OpenTo(contracts.EffectCount), "the monolith's inbox does it")
	require.False(t, e.OpenTo(contracts.EffectVerdict), "the writer has done it")
	require.True(t, e.OpenTo(contracts.EffectMail))
	n, ok := e.Notice()
	require.True(t, ok)
	require.Equal(t, contracts.CommentNotice{PostID: postID, PostTitle: "Figs", CommentID: commentID, Excerpt: "a < b", Actor: contracts.Person{ID: rita, Name: "Rita"}, To: ann}, n)
	require.Equal(t, e.Effects.Notice, contracts.NoticeOf(&n))
	require.Nil(t, contracts.NoticeOf(nil))
	gone := samples()[contracts.TypeCommentDeleted].(contracts.CommentDeleted)
	require.False(t, gone.OpenTo(contracts.EffectCount), "a snapshot has no effects")
	gone.Snapshot = false
	require.True(t, gone.OpenTo(contracts.EffectCount))
	require.False(t, gone.LeftOf(contracts.EffectCount))
}

func FuzzDecode(f *testing.F) {
	for _, e := range samples() {
		_, payload, err := contracts.Encode(envelope(e), e)
		require.NoError(f, err)
		f.Add(e.EventType(), eventID, "3", payload)
	}
	f.Fuzz(func(t *testing.T, eventType, id, version string, payload []byte) {
		headers := map[string]string{
			"ce_specversion": "1.0", "ce_id": id, "ce_source": "/x", "ce_type": eventType, "ce_subject": commentID,
			"ce_time": "2026-01-02T03:04:05Z", "ce_version": version, "content-type": "application/json",
		}
		a, e, err := contracts.Decode(headers, payload)
		if err != nil {
			return
		}
		if _, _, err := contracts.Encode(a, e); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
	})
}
