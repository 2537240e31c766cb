package comments

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"banyan.dev/features/contracts"
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
