package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"banyan.dev/strangler/internal/lab/notes"
)

// What clients do.
const (
	creates   = 0.3  // of their writes
	deletes   = 0.2  // the others are edits
	hot       = 8    // notes that everybody edits
	editsHot  = 0.4  // of the edits; the others are of any note of the first day, or of their own
	hasty     = 0.25 // of the writes without an answer: nobody comes back for them
	again     = 3    // writes that each sends once more in the end, as if the answer was lost
	thinks    = 4 * time.Millisecond
	answersIn = 2 * time.Second
)

// person is a client: one write at a time, each with a key of its own, sent again
// until it is answered. It is for one goroutine.
type person struct {
	trial  *trial
	random *rand.Rand
	keys   io.Reader
	http   *http.Client
	own    []string // notes it has made
	recent []notes.Write
}

// live writes until stopping is closed, and sends the last ones again. ctx bounds
// how long an answer is waited for.
func (p *person) live(ctx context.Context, stopping <-chan struct{}) error {
	for {
		select {
		case <-stopping:
			return p.sendAgain(ctx)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if err := p.write(ctx); err != nil {
			return err
		}
		if err := pause(ctx, time.Duration(p.random.Int64N(int64(thinks)))); err != nil {
			return err
		}
	}
}

func (p *person) write(ctx context.Context) error {
	w := p.choose()
	o, a, err := p.send(ctx, w, p.random.Float64() < hasty)
	if err != nil {
		return err
	}
	p.trial.history.add(done{Write: w, told: a, outcome: o})
	if o != acknowledged {
		return nil
	}
	if w.Op == notes.Create {
		p.own = append(p.own, a.Note)
	}
	p.recent = append(p.recent, w)
	p.recent = p.recent[max(0, len(p.recent)-again):]
	return nil
}

// sendAgain is a client whose answer was lost long ago.
func (p *person) sendAgain(ctx context.Context) error {
	for _, w := range p.recent {
		if _, _, err := p.send(ctx, w, false); err != nil {
			return err
		}
	}
	p.recent = nil
	return nil
}

func (p *person) choose() notes.Write {
	key, err := uuid.NewRandomFromReader(p.keys)
	if err != nil {
		panic(err) // a generator has no errors
	}
	w := notes.Write{Key: key.String(), Text: key.String(), Op: notes.Edit}
	seeds := p.trial.seeds
	switch draw := p.random.Float64(); {
	case draw < creates:
		w.Op = notes.Create
	case draw < creates+deletes:
		w.Op, w.Text = notes.Delete, ""
		if len(p.own) > 0 && p.random.IntN(2) == 0 {
			i := p.random.IntN(len(p.own))
			w.Note = p.own[i]
			p.own = slices.Delete(p.own, i, i+1)
			return w
		}
		w.Note = seeds[len(seeds)/2+p.random.IntN(len(seeds)-len(seeds)/2)].ID
	case p.random.Float64() < editsHot:
		w.Note = seeds[p.random.IntN(hot)].ID
	case len(p.own) > 0 && p.random.IntN(2) == 0:
		w.Note = p.own[p.random.IntN(len(p.own))]
	default:
		w.Note = seeds[p.random.IntN(len(seeds))].ID
	}
	return w
}

// send sends a write until somebody answers. Where it is refused because another side
// owns, nothing was done, and the gateway asks that side. impatient clients give up
// after the first time without an answer.
func (p *person) send(ctx context.Context, w notes.Write, impatient bool) (outcome, notes.Answer, error) {
	owner := ""
	for {
		status, a, elsewhere, err := p.ask(ctx, w, owner)
		switch {
		case ctx.Err() != nil:
			return unknown, a, ctx.Err()
		case err == nil && status == http.StatusOK:
			return acknowledged, a, nil
		case err == nil && status == http.StatusNotFound:
			return refused, a, nil
		case err == nil && status == http.StatusMisdirectedRequest:
			owner = elsewhere
		default:
			owner = ""
			p.trial.history.noAnswer()
			if impatient {
				return unknown, a, nil
			}
		}
		if err := pause(ctx, time.Millisecond+time.Duration(p.random.Int64N(int64(10*time.Millisecond)))); err != nil {
			return unknown, a, err
		}
	}
}

// ask passes the gate and asks one writer of the side that the route names, or of the
// owner that the last answer named.
func (p *person) ask(ctx context.Context, w notes.Write, owner string) (status int, a notes.Answer, elsewhere string, err error) {
	side, err := p.trial.front.enter(ctx)
	if err != nil {
		return 0, a, "", err
	}
	defer p.trial.front.leave()
	if owner != "" {
		side = owner
	}
	url := p.trial.crew.writer(side, p.random.IntN)
	if url == "" {
		return http.StatusMisdirectedRequest, a, owner, nil // nobody was asked
	}
	body, err := json.Marshal(w)
	if err != nil {
		return 0, a, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, answersIn)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, a, "", err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return 0, a, "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, response.Body) // for the connection's sake
		return response.StatusCode, a, response.Header.Get(ownerHeader), nil
	}
	err = json.NewDecoder(response.Body).Decode(&a)
	return response.StatusCode, a, "", err
}
