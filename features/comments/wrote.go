package comments

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// Who has just written must see it, whichever side answers. So a write leaves a
// cookie with the versions that it made, and a follower that is asked to read waits a
// moment until it has them, or says who has.
const (
	wroteCookie = "banyan_wrote"
	wroteAge    = 30  // seconds: longer than a feed is behind
	wroteLast   = 4   // writes that one remembers
	wroteLength = 256 // bytes that are looked at
)

// deleted is the version of a comment that is gone: whichever it had.
const deleted = 0

// wrote is one write of whoever is asking.
type wrote struct {
	id      string
	version int
}

// String is the write in the cookie, as in <id>.3, or <id>.x for a deletion.
func (w wrote) String() string {
	if w.version == deleted {
		return w.id + ".x"
	}
	return w.id + "." + strconv.Itoa(w.version)
}

// NoteWrote tells the browser that wrote a comment to say so for the next half minute.
// Every route that writes one calls it, before the answer begins. The cookie proves
// nothing and lets nobody do anything: who makes one up waits for himself.
func NoteWrote(w http.ResponseWriter, r *http.Request, id string, version int) {
	noteWrote(w, r, wrote{id, version})
}

// NoteDeleted is NoteWrote for a comment that is gone.
func NoteDeleted(w http.ResponseWriter, r *http.Request, id string) {
	noteWrote(w, r, wrote{id, deleted})
}

func noteWrote(w http.ResponseWriter, r *http.Request, now wrote) {
	writes := slices.DeleteFunc(writesOf(r), func(w wrote) bool { return w.id == now.id })
	writes = append(writes, now)
	var texts []string
	for _, w := range writes[max(0, len(writes)-wroteLast):] {
		texts = append(texts, w.String())
	}
	http.SetCookie(w, &http.Cookie{
		Name: wroteCookie, Value: strings.Join(texts, "~"), Path: "/", MaxAge: wroteAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// writesOf reads the cookie. What can't be read of it is as if it were not there.
func writesOf(r *http.Request) []wrote {
	cookie, err := r.Cookie(wroteCookie)
	if err != nil || len(cookie.Value) > wroteLength {
		return nil
	}
	var writes []wrote
	for text := range strings.SplitSeq(cookie.Value, "~") {
		id, version, ok := strings.Cut(text, ".")
		if !ok || !contracts.IsID(id) {
			continue
		}
		w := wrote{id: id}
		if version != "x" {
			n, err := strconv.ParseInt(version, 10, 32)
			if err != nil || n < 1 {
				continue
			}
			w.version = int(n)
		}
		writes = append(writes, w)
	}
	return writes[max(0, len(writes)-wroteLast):]
}

// Version is how far a side has come with one comment.
type Version struct {
	Number  int
	Deleted bool
}

// has tells whether the side's version is the written one or newer.
func (v Version) has(w wrote) bool {
	return v.Deleted || w.version != deleted && v.Number >= w.version
}

// Versions tells how far this side has come; the store's Rows do.
type Versions interface {
	// Versions returns, by id, the version of each comment that is here, as a row or as a
	// tombstone.
	Versions(ctx context.Context, ids []string) (map[string]Version, error)
}

// Side is what this side may do: *ownership.Side.
type Side interface {
	Row(ctx context.Context) (ownership.Row, error)
}

// Fresh lets readers see what they wrote where comments may be owned elsewhere.
type Fresh struct {
	Versions Versions
	Side     Side
	// Peer is who owns comments when this side does not.
	Peer string
	// Within is how long a read waits; 0 means 300 ms.
	Within time.Duration
	// AtOnce bounds how many wait; 0 means 64. Beyond it nobody waits.
	AtOnce int
}

// Middleware holds a read back until this side has what the reader wrote. An owner has
// it, and nobody waits there. A follower that does not get it in time answers
// NotOwner with the name of who has it; the gateway asks there. It is safe for
// concurrent use.
func (f Fresh) Middleware() echo.MiddlewareFunc {
	if f.Within == 0 {
		f.Within = 300 * time.Millisecond
	}
	if f.AtOnce == 0 {
		f.AtOnce = 64
	}
	waiting := make(chan struct{}, f.AtOnce)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := f.await(c.Request().Context(), writesOf(c.Request()), waiting); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// looks is how often a read that waits looks again.
const looks = 15 * time.Millisecond

func (f Fresh) await(ctx context.Context, writes []wrote, waiting chan struct{}) error {
	here, err := f.here(ctx, writes)
	if here || err != nil {
		return err
	}
	row, err := f.Side.Row(ctx)
	if err != nil {
		return err
	}
	if row.State == ownership.Owner {
		return nil // what the cookie says was never so
	}
	select {
	case waiting <- struct{}{}:
		defer func() { <-waiting }()
		if here, err = f.arrive(ctx, writes); here || err != nil {
			return err
		}
	default:
	}
	return problem.Elsewhere(f.Peer, row.Epoch, "what you wrote last is not here yet: %s has it", f.Peer)
}

// arrive looks until the writes are here, or the time is over.
func (f Fresh) arrive(ctx context.Context, writes []wrote) (bool, error) {
	over := time.NewTimer(f.Within)
	defer over.Stop()
	again := time.NewTicker(looks)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over.C:
			return f.here(ctx, writes)
		case <-again.C:
			if here, err := f.here(ctx, writes); here || err != nil {
				return here, err
			}
		}
	}
}

func (f Fresh) here(ctx context.Context, writes []wrote) (bool, error) {
	if len(writes) == 0 {
		return true, nil
	}
	ids := make([]string, len(writes))
	for i, w := range writes {
		ids[i] = w.id
	}
	versions, err := f.Versions.Versions(ctx, ids)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(writes, func(w wrote) bool { return !versions[w.id].has(w) }), nil
}
