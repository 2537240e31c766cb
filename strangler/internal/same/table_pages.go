package same

import (
	"net/http"
	"net/url"
)

func pageCases() []Case {
	page := func(target string) request { return get(target).with("Accept: text/html") }
	signedIn := func(r request) request {
		r.author = true
		return r
	}
	form := func(target string, values url.Values) request {
		return request{
			method: http.MethodPost, target: target, body: []byte(values.Encode()), variable: true,
			header: []string{"Content-Type: application/x-www-form-urlencoded", "Accept: text/html"},
		}
	}
	return []Case{
		one("the page of a post", http.StatusOK, func(st *stage) request {
			return page("/posts/" + st.post + "/%C3%BCber-alles-und-nichts")
		}),
		one("the page of a post for its author", http.StatusOK, func(st *stage) request {
			return signedIn(page("/posts/" + st.post + "/%C3%BCber-alles-und-nichts"))
		}),
		{"a post by another spelling of its address", func(s *scene) {
			for _, slug := range []string{"", "/", "/another-slug", "/%c3%bcber", "/a%20b+c", "/%E4%BD%A0%E5%A5%BD"} {
				s.compare(page("/posts/" + s.post + slug))
			}
		}},
		one("the page of a tag", http.StatusOK, func(st *stage) request { return page("/tags/" + st.tag) }),
		{"a tag in letters from elsewhere", func(s *scene) {
			s.compare(page("/tags/caf%C3%A9%20cr%C3%A8me"))
			s.compare(page("/tags/100%25"))
		}},
		one("the page of an author", http.StatusOK, func(st *stage) request { return page("/authors/" + st.author.id) }),
		one("the sign-in", http.StatusOK, func(*stage) request { return page("/sign-in?next=%2Fwrite%3Fa%3Db%26c") }),
		one("the sheet to write on", http.StatusOK, func(*stage) request { return signedIn(page("/write")) }),
		one("a page that is not there", http.StatusNotFound, func(*stage) request { return page("/no/such/page") }),
		one("a visitor is sent to the sign-in", http.StatusSeeOther, func(*stage) request { return page("/write") }),
		{"signing in by the form redirects to where one was", func(s *scene) {
			values := url.Values{"email": {s.author.email}, "password": {s.author.password}, "next": {"/me/posts"}}
			s.want(http.StatusSeeOther, s.compare(form("/sign-in", values)))
			values.Set("next", "//evil.example/")
			s.want(http.StatusSeeOther, s.compare(form("/sign-in", values)))
		}},
		{"signing in by the form with a wrong password", func(s *scene) {
			s.compare(form("/sign-in", url.Values{"email": {s.author.email}, "password": {"wrong password"}}))
		}},
		{"files and feeds", func(s *scene) {
			s.want(http.StatusOK, s.compare(get("/api/v1/openapi.yaml")))
			s.want(http.StatusOK, s.compare(get("/api/docs").with("Accept: text/html")))
			s.compare(get("/static/none.css"))
		}},
	}
}
