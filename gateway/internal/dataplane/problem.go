package dataplane

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"
)

// statusGone is what metrics call a request whose client left: nobody reads it.
const statusGone = 499

// refusal is an answer of the gateway's own.
type refusal struct {
	status int
	kind   string // the last part of the problem's type
	detail string
	retry  int // Retry-After in seconds; 0 is none
}

func (r *refusal) Error() string { return r.detail }

// What the gateway says itself. Details tell a client what to mend and nothing of
// what stands behind the gateway.
var (
	errNoRoute   = &refusal{status: 404, kind: "not-found", detail: "No route takes this path and method."}
	errOperators = &refusal{status: 404, kind: "not-found", detail: "This path is for operators and is never routed: ask on the application's or the gateway's own port."}
	errMethod    = &refusal{status: 501, kind: "not-implemented", detail: "The method is not supported here."}
	errVersion   = &refusal{status: 505, kind: "not-implemented", detail: "Only HTTP/1.1 and HTTP/1.0 are spoken here."}
	errTarget    = &refusal{status: 400, kind: "malformed", detail: "The request target must be a path that begins with /."}
	errTooLarge  = &refusal{status: 413, kind: "too-large", detail: "The body is larger than this route takes."}
	errSlow      = &refusal{status: 408, kind: "timeout", detail: "The request did not arrive in time."}
	errHeadSize  = &refusal{status: 431, kind: "too-large", detail: "The request's headers are too large."}
	errBroken    = &refusal{status: 400, kind: "malformed", detail: "The request can't be read as HTTP/1.1."}
	errNobody    = &refusal{status: 503, kind: "unavailable", detail: "Nobody can answer this at the moment. Try again soon.", retry: 1}
	errHeld      = &refusal{status: 503, kind: "held", detail: "This is being moved at the moment. Nothing was done; try again.", retry: 1}
	errOpen      = &refusal{status: 503, kind: "unavailable", detail: "What answers this fails too often at the moment. Nothing was done; try again soon.", retry: 1}
	errFull      = &refusal{status: 503, kind: "overloaded", detail: "What answers this is busy. Nothing was done; try again soon.", retry: 1}
	errWho       = &refusal{status: 503, kind: "unavailable", detail: "Who asks can't be found out at the moment. Nothing was done; try again soon.", retry: 1}
	errLost      = &refusal{status: 502, kind: "bad-gateway", detail: "The answer was lost on its way. Whether the request was carried out is unknown.", retry: 1}
	errRefused   = &refusal{status: 502, kind: "bad-gateway", detail: "Nobody could be reached to answer this. The request was not carried out.", retry: 1}
	errLate      = &refusal{status: 504, kind: "timeout", detail: "The answer took too long. Whether the request was carried out is unknown."}
	errInternal  = &refusal{status: 500, kind: "internal", detail: "The gateway failed."}
)

type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// write makes the refusal the answer, as application/problem+json (RFC 9457).
func (r *refusal) write(ctx *fasthttp.RequestCtx, path, requestID []byte) {
	res := &ctx.Response
	res.Reset()
	res.SkipBody = ctx.IsHead()
	title := http.StatusText(r.status)
	body, err := json.Marshal(problem{
		Type: "urn:banyan:problem:" + r.kind, Title: title, Status: r.status, Detail: r.detail,
		Instance: string(path), RequestID: string(requestID),
	})
	if err != nil { // it holds texts and a number: it can't fail
		body = nil
	}
	res.SetStatusCode(r.status)
	res.Header.SetContentType("application/problem+json")
	res.Header.Set("Cache-Control", "no-store")
	res.Header.Set("X-Served-By", "gateway")
	if len(requestID) > 0 {
		res.Header.SetBytesV("X-Request-Id", requestID)
	}
	if r.retry > 0 {
		res.Header.Set("Retry-After", strconv.Itoa(r.retry))
	}
	res.SetBody(body)
}
