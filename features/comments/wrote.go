package comments

import (
	"net/http"
	"strconv"
	"strings"

	"banyan.dev/features/contracts"
)

// Who has just written must see it, whichever side answers. So a write leaves a
// cookie with the version that it made, and a follower that is asked to read waits a
// moment until it has that, or says who has.
//
// Each write is a cookie of its own, as banyan_wrote_<id>.3 or, for a deletion,
// banyan_wrote_<id>.x: of two tabs that write at the same moment neither knows of the
// other's, and in a cookie for all of them the answer that comes last would take away
// what the one before has left. Browsers send older cookies first (RFC 6265, 5.4), so
// that a write knows which ones are to go.
const (
	wrotePrefix = "banyan_wrote_"
	wroteAge    = 30 // seconds: longer than a feed is behind
	wroteLast   = 12 // writes that one remembers, but for those of tabs at the same moment
	wroteRead   = 24 // of those that come; the newest ones
)

// deleted is the version of a comment that is gone: whichever it had.
const deleted = 0

// wrote is one write of whoever is asking.
type wrote struct {
	id      string
	version int
}

// String is the write in a cookie's name, as in <id>.3, or <id>.x for a deletion.
func (w wrote) String() string {
	if w.version == deleted {
		return w.id + ".x"
	}
	return w.id + "." + strconv.Itoa(w.version)
}

// by tells whether who has the other write has this one too.
func (w wrote) by(other wrote) bool {
	return w.id == other.id && (other.version == deleted || w.version != deleted && w.version <= other.version)
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
	kept := 1 // this one
	writes := writesOf(r)
	for i := len(writes) - 1; i >= 0; i-- { // the newest first
		switch {
		case writes[i] == now:
		case writes[i].by(now) || kept == wroteLast:
			setWrote(w, writes[i], -1)
		default:
			kept++
		}
	}
	setWrote(w, now, wroteAge)
}

// setWrote sets the write's cookie, or takes it away where age is below 0.
func setWrote(w http.ResponseWriter, one wrote, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: wrotePrefix + one.String(), Value: "1", Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// writesOf reads the cookies, in the order in which they came. What can't be read of
// them is as if it were not there.
func writesOf(r *http.Request) []wrote {
	var writes []wrote
	for _, cookie := range r.Cookies() {
		if text, ours := strings.CutPrefix(cookie.Name, wrotePrefix); ours {
			if w, ok := parseWrote(text); ok {
				writes = append(writes, w)
			}
		}
	}
	return writes[max(0, len(writes)-wroteRead):]
}

func parseWrote(text string) (w wrote, ok bool) {
	id, version, ok := strings.Cut(text, ".")
	switch {
	case !ok || !contracts.IsID(id):
		return w, false
	case version == "x":
		return wrote{id, deleted}, true
	}
	n, err := strconv.ParseInt(version, 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != version {
		return w, false
	}
	return wrote{id, int(n)}, true
}
