package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
)

const lettersToken = "a-token-for-tests-only"

// answers is a host's admin port, with what was put aside in the world's database.
func (w *world) answers() (address string) {
	w.t.Helper()
	e := httpkit.NewAdmin(httpkit.AdminConfig{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Ready: func() error { return nil }, Topology: func() any { return nil }})
	httpkit.Guard(e, lettersToken, map[string]http.Handler{
		inbox.LettersPath: inbox.LettersHandler(inbox.NewDeadLetters(w.db), w.consumer, "another"),
	})
	server := httptest.NewServer(e)
	w.t.Cleanup(server.Close)
	return server.URL
}

// asks is a client of hosts at those addresses; the first one is always away.
func (w *world) asks(addresses ...string) *inbox.LettersClient {
	c := inbox.NewLettersClient(inbox.LettersClientConfig{Name: "host", URLs: append([]string{"http://127.0.0.1:1"}, addresses...), Token: lettersToken})
	w.t.Cleanup(c.Close)
	return c
}

// putsAside has an inbox meet events, of which its handler can't stand some.
func (w *world) putsAside(p *picky, messages ...broker.Message) {
	w.t.Helper()
	cfg := w.config(inbox.Each(p.Handle))
	cfg.Attempts = 2
	_, err := w.inbox(cfg).Settle(w.t.Context(), w.topic.Name, 0, place(0, messages...))
	require.NoError(w.t, err)
}

func TestWhatWasPutAsideIsSeenOverTheAdminPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	text, binary, large := w.event("poison", 2), w.event("weary", 1), w.event("panic", 3)
	text.Value, binary.Value = []byte("no JSON, but “text”"), []byte{0xff, 0}
	large.Value = []byte(`{"html":"<p>","body":"` + strings.Repeat("ä", 8<<10) + `"}`)
	w.putsAside(&picky{}, w.event("poison", 1), text, w.event("fine", 1), binary, large)
	c := w.asks(w.answers())

	page, err := c.List(t.Context(), inbox.Which{State: inbox.Unsettled}, 101)
	require.NoError(t, err)
	require.Len(t, page.Letters, 4)
	require.False(t, page.More)
	one := page.Letters[0]
	require.Equal(t, []any{w.consumer, "things", inbox.Open, inbox.KindPermanent, "it hurts", w.topic.Name, 0, int64(0), "thing.changed", "/test", "poison", "1", 1},
		[]any{one.Consumer, one.Resource, one.State, one.Kind, one.Reason, one.Topic, one.Partition, one.Offset, one.Type, one.Source, one.Aggregate, one.Version, one.Attempts})
	require.Len(t, one.EventID, 36)
	require.False(t, one.FirstAt.IsZero() || one.LastAt.Before(one.FirstAt))
	require.JSONEq(t, `{"id":"poison","version":1,"body":"body 1"}`, string(one.Payload))
	require.Contains(t, string(one.Headers), `"thing.changed"`)
	require.Equal(t, "no JSON, but “text”", page.Letters[1].PayloadText)
	require.Equal(t, []byte{0xff, 0}, page.Letters[2].PayloadBinary)
	require.Equal(t, inbox.KindExhausted, page.Letters[2].Kind)
	require.Equal(t, 2, page.Letters[2].Attempts)
	cut := page.Letters[3]
	require.True(t, cut.PayloadCut)
	require.Nil(t, cut.Payload, "what is cut is no JSON")
	require.Equal(t, `{"html":"<p>","body":"`+strings.Repeat("ä", 39), cut.PayloadText, "of 101 bytes the last is half a character")
	require.Equal(t, len(large.Value), cut.PayloadBytes)

	whole, err := c.Show(t.Context(), cut.ID)
	require.NoError(t, err)
	require.False(t, whole.PayloadCut)
	require.Equal(t, string(large.Value), string(whole.Payload))

	page, err = c.List(t.Context(), inbox.Which{Limit: 3}, 0)
	require.NoError(t, err)
	require.True(t, page.More)
	require.Len(t, page.Letters, 3)
	require.True(t, page.Letters[0].PayloadCut, "there is some, and none is shown")
	page, err = c.List(t.Context(), inbox.Which{After: page.Letters[2].ID, Limit: 3, Resource: "things", Consumer: w.consumer}, 0)
	require.NoError(t, err)
	require.False(t, page.More)
	require.Len(t, page.Letters, 1)
	page, err = c.List(t.Context(), inbox.Which{Limit: 1000}, 1<<20)
	require.NoError(t, err, "a page is shorter where payloads may be large")
	require.Len(t, page.Letters, 4)
}

// TestWhatIsGoneIsNotWaitedFor: who empties a host's database empties it of these too.
func TestWhatIsGoneIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.putsAside(&picky{}, w.event("poison", 1), w.event("poison", 2))
	c := w.asks(w.answers())
	asked, err := c.Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.NoError(t, err)
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error { return tx.Exec(`TRUNCATE inbox_dead_letters`).Error }))
	var gone []inbox.LetterView
	waiting, err := c.Await(t.Context(), asked.Letters, often, func(v inbox.LetterView) { gone = append(gone, v) })
	require.NoError(t, err)
	require.Empty(t, waiting)
	require.Len(t, gone, 2)
	for i, v := range gone {
		require.Equal(t, []any{asked.Letters[i].ID, inbox.Gone, true}, []any{v.ID, v.State, v.Settled()})
	}
	page, err := c.Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.NoError(t, err)
	require.NotNil(t, page.Letters, "a list of none is a list")
}

func TestRedriveAndDiscardOverTheAdminPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p := &picky{}
	w.publish(w.event("poison", 1), w.event("weary", 1), w.event("panic", 1))
	cfg := w.config(inbox.Each(p.Handle))
	cfg.Attempts = 2
	w.start(w.inbox(cfg))
	w.becomes(3, `SELECT count(*) FROM inbox_dead_letters`)
	c := w.asks(w.answers())
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	await := func(asked []inbox.LetterView) (came []inbox.LetterView) {
		t.Helper()
		waiting, err := c.Await(ctx, asked, often, func(v inbox.LetterView) { came = append(came, v) })
		require.NoError(t, err)
		require.Empty(t, waiting)
		return came
	}

	page, err := c.Redrive(ctx, inbox.RedriveOrder{IDs: []int64{1}})
	require.NoError(t, err)
	require.Equal(t, inbox.Redrive, page.Letters[0].State)
	came := await(page.Letters)
	require.Len(t, came, 1)
	require.Equal(t, inbox.Open, came[0].State, "it hurts still")
	require.Equal(t, 2, came[0].Attempts)
	require.False(t, came[0].Settled())

	v, err := c.Discard(ctx, 2, "the post is gone")
	require.NoError(t, err)
	require.Equal(t, inbox.Discarded, v.State)
	require.Equal(t, "the post is gone", v.Note)
	require.NotNil(t, v.ClosedAt)
	again, err := c.Discard(ctx, 2, "the post is gone")
	require.NoError(t, err, "an answer may be lost")
	require.Equal(t, v, again)
	_, err = c.Discard(ctx, 2, "I feel like it")
	require.ErrorIs(t, err, inbox.ErrLetterClosed)
	require.ErrorContains(t, err, "stays on record: the post is gone")

	p.mended.Store(true)
	page, err = c.Redrive(ctx, inbox.RedriveOrder{All: true, Consumer: w.consumer})
	require.NoError(t, err)
	require.False(t, page.More)
	require.Len(t, page.Letters, 2, "the discarded one is left alone")
	for _, v := range await(page.Letters) {
		require.Equal(t, inbox.Redriven, v.State)
		require.True(t, v.Settled())
	}
	require.Equal(t, 2, w.number(`SELECT count(*) FROM calls`))
	page, err = c.Redrive(ctx, inbox.RedriveOrder{IDs: []int64{1, 3}})
	require.NoError(t, err, "an answer may be lost")
	require.Len(t, await(page.Letters), 2)
	require.Equal(t, 2, w.number(`SELECT count(*) FROM calls`), "and nothing is done twice")
	_, err = c.Discard(ctx, 1, "too late")
	require.ErrorIs(t, err, inbox.ErrLetterClosed)

	page, err = c.List(ctx, inbox.Which{State: inbox.Unsettled}, 0)
	require.NoError(t, err)
	require.Empty(t, page.Letters)
	page, err = c.List(ctx, inbox.Which{}, 0)
	require.NoError(t, err)
	require.Len(t, page.Letters, 3, "all stay on record")
}

// TestAnOrderIsDoneWholeOrNotAtAll, whichever of its dead letters is in the way.
func TestAnOrderIsDoneWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.putsAside(&picky{}, w.event("poison", 1), w.event("poison", 2), w.event("poison", 3))
	c := w.asks(w.answers())
	_, err := inbox.NewDeadLetters(w.db).Discard(t.Context(), "a test", 2)
	require.NoError(t, err)
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE inbox_dead_letters SET consumer = 'gone' WHERE id = 3`).Error
	}))
	for _, bad := range []struct {
		id   int64
		kind error
		want string
	}{
		{2, inbox.ErrLetterClosed, "(a test), for good"},
		{3, inbox.ErrLetterClosed, "consumer gone, which runs not in this host"},
		{4, inbox.ErrNoLetter, "4: nothing was asked for"},
	} {
		_, err := c.Redrive(t.Context(), inbox.RedriveOrder{IDs: []int64{1, bad.id}})
		require.ErrorIs(t, err, bad.kind)
		require.ErrorContains(t, err, "host: redrive: ")
		require.ErrorContains(t, err, bad.want)
		require.Equal(t, []string{"permanent:poison", "permanent:poison"}, w.listed(inbox.Open))
	}
	page, err := c.Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.NoError(t, err)
	require.Len(t, page.Letters, 1, "nobody would handle the one that is of no consumer here")
	page, err = c.List(t.Context(), inbox.Which{Consumer: "gone", State: inbox.Unsettled}, 0)
	require.NoError(t, err)
	require.Len(t, page.Letters, 1, "but it is seen, since it is in the way")
	_, err = c.Discard(t.Context(), 3, "nobody handles it")
	require.NoError(t, err)
	_, err = c.Discard(t.Context(), 1, "asked for, and not needed after all")
	require.NoError(t, err)
}

func TestWhatCanNotBeAskedOfDeadLettersIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.putsAside(&picky{}, w.event("poison", 1))
	address := w.answers()
	ask := func(method, path, body, token string) (status int, problem map[string]any) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &problem), "%s", text)
		if answer.StatusCode != http.StatusOK {
			require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
			require.EqualValues(t, answer.StatusCode, problem["status"])
		}
		return answer.StatusCode, problem
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "?state=shut", "", 400, `state "shut" is none: use open, redrive, unsettled, redriven, discarded or all`},
		{"GET", "?limit=1000&payload=1048576", "", 400, "limit 1000 and payload 1048576 are 1048576000 bytes together: use a limit up to 16 for that payload, or a payload up to 16777 for that limit"},
		{"GET", "?payload=1048576", "", 400, "limit 100 and payload 1048576"},
		{"GET", "?limit=1001", "", 400, `limit "1001" can't be: use 1 to 1000`},
		{"GET", "?limit=0", "", 400, `limit "0" can't be`},
		{"GET", "?after=-1", "", 400, `after "-1" can't be`},
		{"GET", "?payload=9999999", "", 400, `payload "9999999" can't be: use 0 to 1048576`},
		{"GET", "?ids=1,x", "", 400, `ids "x" can't be: give the number that the list shows`},
		{"GET", "?comsumer=a", "", 400, `parameter "comsumer" is unknown: use consumer`},
		{"GET", "?consumer=nobody", "", 404, `consumer "nobody" is none of this host's: use one of another, `},
		{"GET", "/x", "", 400, `id "x" can't be`},
		{"GET", "/0", "", 400, `id "0" can't be`},
		{"GET", "/9", "", 404, `9: look at the list`},
		{"GET", "/1?payload=much", "", 400, `payload "much" can't be`},
		{"POST", "/redrive", "", 400, "the body is no order"},
		{"POST", "/redrive", "{}", 400, "ids are 0 and all is false: give either ids or all"},
		{"POST", "/redrive", `{"ids":[1],"all":true}`, 400, "give either ids or all"},
		{"POST", "/redrive", `{"ids":[1],"consumer":"another"}`, 400, "consumer and after narrow all"},
		{"POST", "/redrive", `{"ids":[-1]}`, 400, "ids have -1"},
		{"POST", "/redrive", `{"ids":[1` + strings.Repeat(",1", 1000) + `]}`, 400, "ids are 1001: give up to 1000"},
		{"POST", "/redrive", `{"all":true,"after":-1}`, 400, "after -1 can't be"},
		{"POST", "/redrive", `{"all":true,"consumer":"nobody"}`, 404, `consumer "nobody" is none`},
		{"POST", "/redrive", `{"id":1}`, 400, `unknown field "id"`},
		{"POST", "/redrive", `{"ids":[` + strings.Repeat("1,", 40<<10) + `1]}`, 400, "too large"},
		{"POST", "/1/discard", `{}`, 400, "reason is empty: say why"},
		{"POST", "/1/discard", `{"reason":" "}`, 400, "reason is empty"},
		{"POST", "/1/discard", `{"reason":"` + strings.Repeat("x", 4001) + `"}`, 400, "reason has 4001 bytes: use up to 4000"},
		{"POST", "/9/discard", `{"reason":"why"}`, 404, "9: look at the list"},
		{"POST", "/x/discard", `{"reason":"why"}`, 400, `id "x" can't be`},
	} {
		status, problem := ask(c.method, "/deadletters"+c.path, c.body, lettersToken)
		require.Equal(t, c.status, status, "%s: %v", c.path, problem)
		require.Contains(t, problem["detail"], c.want, c.path)
	}
	for _, path := range []string{"", "/1"} {
		status, problem := ask("GET", "/deadletters"+path, "", "another")
		require.Equal(t, 401, status)
		require.Contains(t, problem["detail"], "ADMIN_TOKEN")
	}
	require.Equal(t, []string{"permanent:poison"}, w.listed(inbox.Open), "nothing was done")
}

func TestAHostThatTellsOfNoDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	without := httptest.NewServer(httpkit.NewAdmin(httpkit.AdminConfig{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Ready: func() error { return nil }, Topology: func() any { return nil }}))
	t.Cleanup(without.Close)
	_, err := w.asks(without.URL).List(t.Context(), inbox.Which{}, 0)
	require.ErrorIs(t, err, inbox.ErrNoInbox)
	_, err = w.asks(without.URL).Show(t.Context(), 1)
	require.ErrorIs(t, err, inbox.ErrNoInbox)
	require.NotErrorIs(t, err, inbox.ErrNoLetter, "a proxy's 404 is not the host's")

	address := w.answers()
	stranger := inbox.NewLettersClient(inbox.LettersClientConfig{Name: "host", URLs: []string{address}, Token: "another"})
	t.Cleanup(stranger.Close)
	_, err = stranger.List(t.Context(), inbox.Which{}, 0)
	require.ErrorContains(t, err, "host refuses our ADMIN_TOKEN")

	_, err = w.asks().List(t.Context(), inbox.Which{}, 0)
	require.ErrorContains(t, err, "ask host: no replica answers")
	away, cancel := context.WithCancel(t.Context())
	cancel()
	asked := []inbox.LetterView{{ID: 1, State: inbox.Redrive}}
	waiting, err := w.asks().Await(away, asked, often, func(inbox.LetterView) { t.Error("nobody answered") })
	require.True(t, errors.Is(err, context.Canceled))
	require.Equal(t, asked, waiting)
}

// TestADatabaseThatIsAwayIsNoAnswer: another replica is asked, and whether it was done
// is for the list to say.
func TestADatabaseThatIsAwayIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.putsAside(&picky{}, w.event("poison", 1))
	lost := openDB(t, w.url)
	require.NoError(t, lost.Close())
	server := httptest.NewServer(inbox.LettersHandler(inbox.NewDeadLetters(lost), w.consumer))
	t.Cleanup(server.Close)
	_, err := w.asks(server.URL).Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.ErrorContains(t, err, "answers 503")
	page, err := w.asks(server.URL, w.answers()).Redrive(t.Context(), inbox.RedriveOrder{All: true})
	require.NoError(t, err)
	require.Len(t, page.Letters, 1)
}
