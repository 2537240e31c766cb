package same

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// one is a case of a single request, which must be answered with the status.
func one(name string, status int, r func(*stage) request) Case {
	return Case{name, func(s *scene) { s.want(status, s.compare(r(s.stage))) }}
}

func (st *stage) coverPath() string { return st.api(st.post) + "/cover" }

func readCases() []Case {
	return []Case{
		one("a post as a visitor reads it", http.StatusOK, func(st *stage) request { return get(st.api(st.post)) }),
		one("a post as its author reads it", http.StatusOK, func(st *stage) request {
			r := get(st.api(st.post))
			r.author = true
			return r
		}),
		one("a draft as its author reads it", http.StatusOK, func(st *stage) request {
			r := get(st.api(st.draft))
			r.author = true
			return r
		}),
		one("a list with a query", http.StatusOK, func(st *stage) request {
			return get("/api/v1/posts?tag=" + st.tag + "&limit=2")
		}),
		{"the pages of a list", func(s *scene) {
			first := s.compare(get("/api/v1/posts?limit=1&tag=" + s.tag))
			cursor := between(string(first.body), `"next":"`, `"`)
			if cursor == "" {
				s.fail("the first page names no next one: %s", excerpt(first.body))
			}
			s.want(http.StatusOK, s.compare(get("/api/v1/posts?limit=1&tag="+s.tag+"&cursor="+url.QueryEscape(cursor))))
		}},
		one("who am I", http.StatusOK, func(*stage) request {
			r := get("/api/v1/accounts/me")
			r.author = true
			return r
		}),
		one("a query with odd and repeated parts", http.StatusOK, func(st *stage) request {
			return get("/api/v1/search?q=a%20b%2Bc+d%26e&limit=1&&x=&x=%e4%bd%a0;y")
		}),
		one("HEAD of a post", http.StatusOK, func(st *stage) request {
			return request{method: http.MethodHead, target: st.api(st.post)}
		}),
		one("HEAD of a cover", http.StatusOK, func(st *stage) request {
			return request{method: http.MethodHead, target: st.coverPath()}
		}),
		one("HEAD of what is not there", http.StatusNotFound, func(*stage) request {
			return request{method: http.MethodHead, target: "/api/v1/posts/none"}
		}),
		one("OPTIONS of a list", http.StatusNoContent, func(*stage) request {
			return request{method: http.MethodOptions, target: "/api/v1/posts"}
		}),
		one("a cover", http.StatusOK, func(st *stage) request { return get(st.coverPath()) }),
		{"a post that has not changed", func(s *scene) {
			tag := s.compare(get(s.api(s.post))).header.Get("Etag")
			s.want(http.StatusNotModified, s.compare(get(s.api(s.post)).with("If-None-Match: "+tag)))
			s.want(http.StatusNotModified, s.compare(get(s.api(s.post)).with(`If-None-Match: "0", W/`+tag, "If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT")))
			s.want(http.StatusOK, s.compare(get(s.api(s.post)).with(`If-None-Match: "none"`)))
		}},
		{"a cover that has not changed", func(s *scene) {
			cover := s.compare(get(s.coverPath()))
			s.want(http.StatusNotModified, s.compare(get(s.coverPath()).with("If-None-Match: "+cover.header.Get("Etag"))))
			s.want(http.StatusNotModified, s.compare(get(s.coverPath()).with("If-Modified-Since: "+cover.header.Get("Last-Modified"))))
		}},
		{"one range of a cover", func(s *scene) {
			s.want(http.StatusPartialContent, s.compare(get(s.coverPath()).with("Range: bytes=10-99")))
			s.want(http.StatusPartialContent, s.compare(get(s.coverPath()).with("Range: bytes=-7")))
			s.want(http.StatusPartialContent, s.compare(get(s.coverPath()).with("Range: bytes=100-")))
		}},
		{"several ranges of a cover", severalRanges},
		{"a range that can't be had", func(s *scene) {
			s.want(http.StatusRequestedRangeNotSatisfiable, s.compare(get(s.coverPath()).with(fmt.Sprintf("Range: bytes=%d-", len(s.cover)))))
			s.compare(get(s.coverPath()).with("Range: lines=1-2"))
		}},
		{"a range of what may have changed", func(s *scene) {
			tag := s.compare(get(s.coverPath())).header.Get("Etag")
			s.want(http.StatusPartialContent, s.compare(get(s.coverPath()).with("Range: bytes=0-9", "If-Range: "+tag)))
			s.want(http.StatusOK, s.compare(get(s.coverPath()).with("Range: bytes=0-9", `If-Range: "old"`)))
		}},
	}
}

// severalRanges come as one multipart body, whose boundary is made anew each time.
func severalRanges(s *scene) {
	r := get(s.coverPath()).with("Range: bytes=0-9,20-29,-5")
	a, b := s.ask(s.direct, r), s.ask(s.gateway, r)
	for _, answer := range []*reply{&a, &b} {
		_, boundary, ok := strings.Cut(answer.header.Get("Content-Type"), "boundary=")
		if !ok {
			s.fail("%q is no multipart answer", answer.header.Get("Content-Type"))
		}
		answer.header.Set("Content-Type", "multipart/byteranges")
		answer.body = []byte(strings.ReplaceAll(string(answer.body), boundary, "<boundary>"))
	}
	s.mustEqual(r, a, b)
	s.want(http.StatusPartialContent, a)
}

// between is the text between the first before and the after that follows it.
func between(text, before, after string) string {
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		return ""
	}
	found, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return found
}
