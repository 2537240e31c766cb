package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts/openapi"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// contract holds every answer against the OpenAPI document, and notes which
// operations were answered well.
type contract struct {
	doc    *openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool
}

func loadContract(t testing.TB) *contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(context.Background()))
	router, err := legacy.NewRouter(doc)
	require.NoError(t, err)
	return &contract{doc: doc, router: router, seen: map[string]bool{}}
}

// check fails the test when the answer, or the request that was answered well, is
// not as the document says.
func (c *contract) check(t testing.TB, r *http.Request, sent []byte, a answer) {
	t.Helper()
	lookup := r.Clone(context.Background())
	lookup.URL = &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if lookup.Method == http.MethodHead {
		lookup.Method = http.MethodGet
	}
	route, params, err := c.router.FindRoute(lookup)
	if err != nil {
		require.Contains(t, []int{404, 405}, a.status, "%s %s is not documented", r.Method, r.URL.Path)
		return
	}
	lookup.Body = io.NopCloser(bytes.NewReader(sent))
	input := &openapi3filter.RequestValidationInput{
		Request: lookup, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if a.status < 400 {
		require.NoError(t, openapi3filter.ValidateRequest(context.Background(), input), "%s %s", r.Method, r.URL)
		c.mu.Lock()
		c.seen[route.Operation.OperationID] = true
		c.mu.Unlock()
	}
	if r.Method == http.MethodHead || a.status == http.StatusNotModified || strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		return // no body, or one that no schema describes
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.status, Header: a.header,
		Body: io.NopCloser(bytes.NewReader(a.body)), Options: input.Options,
	})
	require.NoError(t, err, "%s %s -> %d %s", r.Method, r.URL, a.status, a.body)
}

// missing are the operations that nobody asked for.
func (c *contract) missing() []string {
	var missing []string
	for _, path := range c.doc.Paths.Map() {
		for _, o := range path.Operations() {
			if !c.seen[o.OperationID] {
				missing = append(missing, o.OperationID)
			}
		}
	}
	return missing
}

// answer is a response that was read to its end.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// client is somebody with a cookie jar. What it is answered under /api/v1 is held
// against the contract.
type client struct {
	t        testing.TB
	base     string
	http     *http.Client
	contract *contract
}

func newClient(t testing.TB, base string, c *contract) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{ExpectContinueTimeout: 10 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, base: base, contract: c, http: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send sends a request with a body of any kind; headers are name, value, ...
func (c *client) send(method, path string, body []byte, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, c.base+path, bytes.NewReader(body))
	require.NoError(c.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := c.http.Do(r)
	require.NoError(c.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	a := answer{c.t, response.StatusCode, response.Header, content}
	if c.contract != nil && strings.HasPrefix(r.URL.Path, "/api/v1/") {
		c.contract.check(c.t, r, body, a)
	}
	return a
}

// call sends JSON to the API; a nil body sends none.
func (c *client) call(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	var content []byte
	if body != nil {
		var err error
		content, err = json.Marshal(body)
		require.NoError(c.t, err)
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	return c.send(method, "/api/v1"+path, content, headers...)
}

func (c *client) get(path string, headers ...string) answer {
	c.t.Helper()
	return c.call(http.MethodGet, path, nil, headers...)
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a
}

// refused fails the test unless the answer is a problem of that status and kind.
func (a answer) refused(status int, kind problem.Kind) httpkit.Problem {
	a.t.Helper()
	a.want(status)
	require.Equal(a.t, httpkit.ProblemType, a.header.Get("Content-Type"))
	var p httpkit.Problem
	require.NoError(a.t, json.Unmarshal(a.body, &p))
	require.Equal(a.t, "urn:banyan:problem:"+string(kind), p.Type, "%s", a.body)
	require.NotEmpty(a.t, p.RequestID)
	return p
}

// document is any JSON object.
type document map[string]any

func (a answer) json() document {
	a.t.Helper()
	var d document
	require.NoError(a.t, json.Unmarshal(a.body, &d), "%s", a.body)
	return d
}

func (d document) text(name string) string { return fmt.Sprint(d[name]) }

func (d document) items() []document {
	var all []document
	list, _ := d["items"].([]any)
	for _, one := range list {
		all = append(all, document(one.(map[string]any)))
	}
	return all
}

func (d document) inner(name string) document {
	m, _ := d[name].(map[string]any)
	return m
}

const password = "correct horse battery"

// signUp makes an account and keeps its session.
func (c *client) signUp(name string) document {
	c.t.Helper()
	return c.call("POST", "/accounts", document{"name": name, "email": strings.ToLower(name) + "@example.org", "password": password}).want(201).json()
}

// author is a client who may write posts.
func (c *client) author(name string) document {
	c.t.Helper()
	me := c.signUp(name)
	return c.call("PUT", "/accounts/"+me.text("id")+"/role", document{"role": "author"}).want(200).json()
}

// post writes a post that everyone sees.
func (c *client) post(title string) document {
	c.t.Helper()
	return c.call("POST", "/posts", document{"title": title, "body": "Some *words*.", "tags": []string{"go"}, "publish": true}).want(201).json()
}
