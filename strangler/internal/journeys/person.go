package journeys

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
)

// fields is a JSON object or the fields of a form.
type fields map[string]any

// Person is somebody with one device: a browser with a cookie jar.
type Person struct {
	story   *Story
	name    string
	http    *http.Client
	Account Account
	Secret  Credentials
}

// Get begins a GET; it is sent when the answer is asked for.
func (p *Person) Get(path string) *Call { return p.call(http.MethodGet, path, nil) }

// Head begins a HEAD.
func (p *Person) Head(path string) *Call { return p.call(http.MethodHead, path, nil) }

// Post begins a POST with a JSON body, or a raw one, or none.
func (p *Person) Post(path string, body any) *Call { return p.call(http.MethodPost, path, body) }

// Put begins a PUT, with a body as for Post.
func (p *Person) Put(path string, body any) *Call { return p.call(http.MethodPut, path, body) }

// Patch begins a PATCH, with a body as for Post.
func (p *Person) Patch(path string, body any) *Call { return p.call(http.MethodPatch, path, body) }

// Delete begins a DELETE.
func (p *Person) Delete(path string) *Call { return p.call(http.MethodDelete, path, nil) }

// signUp makes an account with a random address.
func (p *Person) signUp(name string) {
	p.name = name
	p.Secret = Credentials{
		Email:    p.story.Word() + "@journeys.example",
		Password: "correct horse battery staple",
	}
	p.Post("/api/v1/accounts", fields{"name": name, "email": p.Secret.Email, "password": p.Secret.Password}).
		Key(p.story.Word()).Answers(http.StatusCreated).Into(&p.Account)
	p.mustHoldSession()
}

// SignsIn signs in on this device.
func (p *Person) SignsIn(c Credentials) *Answer {
	p.Secret = c
	answer := p.Post("/api/v1/sessions", fields{"email": c.Email, "password": c.Password}).Answers(http.StatusCreated)
	answer.Into(&p.Account)
	p.name = p.Account.Name
	p.mustHoldSession()
	return answer
}

// SignsOut signs out on this device.
func (p *Person) SignsOut() { p.Delete("/api/v1/sessions/current").Answers(http.StatusNoContent) }

// OnAnotherDevice is the same person, signed in once more with another jar.
func (p *Person) OnAnotherDevice() *Person {
	other := p.story.Visitor()
	other.SignsIn(p.Secret)
	return other
}

// Stolen is somebody else with a copy of all the cookies that are on this device.
func (p *Person) Stolen() *Person {
	thief := p.story.Visitor()
	thief.name = "a thief of " + p.name + "'s cookies"
	thief.http.Jar.SetCookies(p.base(), p.http.Jar.Cookies(p.base()))
	return thief
}

// SignedIn tells whether the blog still knows who this is.
func (p *Person) SignedIn() bool {
	answer := p.Get("/api/v1/accounts/me").Sent()
	if answer.Status == http.StatusUnauthorized {
		return false
	}
	answer.mustBe(http.StatusOK)
	return true
}

// Session returns the session cookie that this device holds.
func (p *Person) Session() (cookie *http.Cookie, ok bool) {
	cookies := p.http.Jar.Cookies(p.base())
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return isSessionCookie(c.Name) })
	if i < 0 {
		return nil, false
	}
	return cookies[i], true
}

// isSessionCookie knows both names: the second is the one over TLS.
func isSessionCookie(name string) bool {
	return name == "banyan_session" || name == "__Host-banyan_session"
}

func (p *Person) mustHoldSession() {
	if _, ok := p.Session(); !ok {
		p.story.Fail("%s signed in, but holds no session cookie for %s "+
			"(a Secure cookie is never sent over plain http: COOKIE_SECURE=false is for that)", p.name, p.base())
	}
}

// Forgets empties the jar, as a browser does that is closed.
func (p *Person) Forgets() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.story.Fail("make a cookie jar: %w", err)
	}
	p.http.Jar = jar
}

func (p *Person) base() *url.URL {
	base, err := url.Parse(p.story.config.BaseURL)
	if err != nil {
		p.story.Fail("parse %q: %w", p.story.config.BaseURL, err)
	}
	return base
}
