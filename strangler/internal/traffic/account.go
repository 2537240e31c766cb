package traffic

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// signUp makes the user's account, and an author of who wants to be one.
func (t *turn) signUp() error {
	a, err := t.ask(request{
		name: "sign up", method: http.MethodPost, path: "/api/v1/accounts", key: t.newKey(),
		body:   encode(map[string]string{"name": t.name, "email": t.email, "password": t.password}),
		expect: []int{http.StatusCreated},
		// The account exists already if an earlier attempt's answer was lost.
		tolerate: among(http.StatusConflict),
	})
	if err != nil {
		return err
	}
	// Only the first answer carries the session's cookie; a repeated one need not.
	if a.status == http.StatusCreated && t.hasSession() {
		t.signedIn = true
		t.load.register.alive(t.user, a.servedBy())
	}
	me, err := t.readAccount()
	if err != nil {
		return err
	}
	t.id = me.ID
	if !t.author {
		return nil
	}
	_, err = t.ask(request{
		name: "take role", method: http.MethodPut, path: "/api/v1/accounts/" + t.id + "/role", session: true,
		body: encode(map[string]string{"role": "author"}), expect: []int{http.StatusOK},
	})
	return err
}

// signIn begins a session. When it fails the failure is counted with the sign-in, and with nothing that waited for it.
func (t *turn) signIn() error {
	t.due = t.load.now()
	a, err := t.ask(request{
		name: "sign in", method: http.MethodPost, path: "/api/v1/sessions",
		body: encode(map[string]string{"email": t.email, "password": t.password}), expect: []int{http.StatusCreated},
	})
	switch {
	case err != nil:
		return fmt.Errorf("sign in: %w", counted(err))
	case !t.hasSession():
		return fmt.Errorf("%w: sign in: the answer sets no session cookie that goes back to %s (a Secure one does not over plain http: COOKIE_SECURE=false)",
			errCounted, t.load.config.BaseURL())
	}
	t.signedIn = true
	t.load.register.alive(t.user, a.servedBy())
	return nil
}

// signOutAndIn signs out, tries the old cookie as a thief would, and signs in again.
func (t *turn) signOutAndIn() error {
	if !t.signedIn {
		return t.signIn()
	}
	// Signing out succeeds for those who are signed out already, so it would hide that somebody was.
	if _, err := t.readAccount(); err != nil {
		return err
	}
	old := t.cookies()
	t.load.register.left(t.user)
	t.signedIn = false
	_, err := t.ask(request{name: "sign out", method: http.MethodDelete, path: "/api/v1/sessions/current", expect: []int{http.StatusNoContent}})
	if err != nil {
		return err
	}
	_, err = t.ask(request{name: "old cookie", method: http.MethodGet, path: "/api/v1/accounts/me", cookie: old, expect: []int{http.StatusUnauthorized}})
	if err != nil {
		return err
	}
	if t.rnd.IntN(2) == 0 {
		return nil // reads on as a visitor, until something needs a session
	}
	return t.signIn()
}

// readAccount asks who one is: the cheapest request that needs a session.
func (t *turn) readAccount() (me document, err error) {
	err = t.read("read account", "/api/v1/accounts/me", true, &me)
	return me, err
}

func (t *turn) hasSession() bool { return strings.Contains(t.cookies(), "banyan_session=") }

// cookies is the Cookie header that the jar would send.
func (t *turn) cookies() string {
	base, err := url.Parse(t.load.config.BaseURL())
	if err != nil {
		return ""
	}
	var pairs []string
	for _, c := range t.jar.Cookies(base) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}
