package same

import "net/http"

func refusalCases() []Case {
	authored := func(r request) request {
		r.author = true
		return r
	}
	edit := func(st *stage) request {
		r := authored(post(st.api(st.post), fields{"title": "Never", "body": "stored", "tags": []string{}}))
		r.method = http.MethodPut
		return r
	}
	return []Case{
		one("400: no JSON", http.StatusBadRequest, func(*stage) request {
			return authored(request{method: http.MethodPost, target: "/api/v1/posts", header: []string{jsonType}, body: []byte(`{"title":`)})
		}),
		one("401: nobody is signed in", http.StatusUnauthorized, func(*stage) request { return get("/api/v1/accounts/me") }),
		one("401: a cookie of nobody's", http.StatusUnauthorized, func(*stage) request {
			r := get("/api/v1/accounts/me")
			r.cookies = "banyan_session=none; other=1"
			return r
		}),
		one("401: wrong credentials", http.StatusUnauthorized, func(st *stage) request {
			return post("/api/v1/sessions", fields{"email": st.author.email, "password": "not the password"})
		}),
		one("403: not a moderator", http.StatusForbidden, func(*stage) request { return authored(get("/api/v1/moderation/queue")) }),
		one("403: another site", http.StatusForbidden, func(st *stage) request {
			return authored(post(st.api(st.post)+"/comments", fields{"body": "forged"})).with("Origin: https://evil.example")
		}),
		one("404: no such post", http.StatusNotFound, func(*stage) request {
			return get("/api/v1/posts/0198c0de-0000-7000-8000-000000000000")
		}),
		one("404: no such route", http.StatusNotFound, func(*stage) request { return get("/api/v1/no/such/%20thing?x=1") }),
		one("405: the methods are told", http.StatusMethodNotAllowed, func(*stage) request {
			return request{method: http.MethodDelete, target: "/api/v1/tags"}
		}),
		one("409: the address is taken", http.StatusConflict, func(st *stage) request {
			return post("/api/v1/accounts", fields{"name": "Other", "email": st.author.email, "password": "correct horse battery"})
		}),
		one("412: the race is lost", http.StatusPreconditionFailed, func(st *stage) request {
			return edit(st).with(`If-Match: "99"`)
		}),
		one("415: not JSON", http.StatusUnsupportedMediaType, func(*stage) request {
			r := authored(post("/api/v1/posts", fields{"title": "Text"}))
			r.header = []string{"Content-Type: text/plain"}
			return r
		}),
		one("422: fields are wrong", http.StatusUnprocessableEntity, func(*stage) request {
			return authored(post("/api/v1/posts", fields{"title": "", "body": "", "tags": []string{"Not A Tag"}}))
		}),
		one("428: no version given", http.StatusPreconditionRequired, edit),
	}
}
