package call

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// UnavailableError is a peer that could not be asked, or could not answer: the same
// call may succeed in a moment.
type UnavailableError struct {
	Peer   string
	Reason string
	// Sent tells whether the peer may have got the request, and done what it asks for.
	Sent bool
	// Err is the cause, if there is one beside the reason.
	Err error
}

func (e *UnavailableError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s is not available: %s: %s", e.Peer, e.Reason, e.Err)
	}
	return fmt.Sprintf("%s is not available: %s", e.Peer, e.Reason)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// IsUnavailable tells whether err means that a peer could not be asked or could not
// answer. Hosts hand it to httpkit, which then answers 503 with Retry-After.
func IsUnavailable(err error) bool {
	var e *UnavailableError
	return errors.As(err, &e)
}

// StatusError is an answer that is no success and no problem either: a mistake of one
// of the two hosts.
type StatusError struct {
	Peer   string
	Method string
	Path   string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %s %s with %d and no problem", e.Peer, e.Method, e.Path, e.Status)
}

// problemOf is the error that an answer is: nil for a success.
func (c *Client) problemOf(r Request, answer Response) error {
	if answer.Status < http.StatusMultipleChoices {
		return nil
	}
	var p httpkit.Problem
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if media != httpkit.ProblemType || json.Unmarshal(answer.Body, &p) != nil {
		return &StatusError{Peer: c.cfg.Name, Method: r.Method, Path: r.Path, Status: answer.Status}
	}
	kind, ours := strings.CutPrefix(p.Type, "urn:banyan:problem:")
	if !ours {
		return &StatusError{Peer: c.cfg.Name, Method: r.Method, Path: r.Path, Status: answer.Status}
	}
	e := &problem.Error{Kind: problem.Kind(kind), Detail: p.Detail, Fields: p.Errors}
	if e.Kind == problem.NotOwner {
		e.Owner = answer.Header.Get(httpkit.HeaderOwner)
		e.Epoch, _ = strconv.ParseInt(answer.Header.Get(httpkit.HeaderEpoch), 10, 64) // 0 says nothing
	}
	return e
}
