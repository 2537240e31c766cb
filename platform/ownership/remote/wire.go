package remote

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"banyan.dev/platform/ownership"
)

// typePrefix is what the problems' types begin with. A proxy's 404 or 503 has none,
// and is never taken for a side's.
const typePrefix = "urn:banyan:ownership:"

// failure is an error of package ownership on its way. The fields beside those of
// RFC 9457 are the error's own.
type failure struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	Resource string           `json:"resource,omitempty"`
	Side     string           `json:"side,omitempty"`
	State    ownership.State  `json:"state,omitempty"`
	Owner    string           `json:"owner,omitempty"`
	Epoch    int64            `json:"epoch,omitempty"`
	Order    *ownership.Order `json:"order,omitempty"`
	Have     *ownership.Row   `json:"have,omitempty"`
	Needs    string           `json:"needs,omitempty"`
	Missing  []string         `json:"missing,omitempty"`
	Draining bool             `json:"draining,omitempty"`
	Tries    int              `json:"tries,omitempty"`
}

// failureOf is what an error looks like outside; false for one that says nothing of
// whether something was done.
func failureOf(err error) (f failure, known bool) {
	var (
		notOwner *ownership.NotOwnerError
		stale    *ownership.StaleError
		unproven *ownership.UnprovenError
		notReady *ownership.NotReadyError
		busy     *ownership.BusyError
	)
	switch {
	case errors.As(err, &notOwner):
		f = failure{Type: "not-owner", Status: http.StatusMisdirectedRequest, Resource: notOwner.Resource, Side: notOwner.Side,
			State: notOwner.State, Owner: notOwner.Owner, Epoch: notOwner.Epoch}
	case errors.As(err, &stale):
		f = failure{Type: "stale", Status: http.StatusConflict, Order: &stale.Order, Have: &stale.Have}
	case errors.As(err, &unproven):
		f = failure{Type: "unproven", Status: http.StatusConflict, Order: &unproven.Order, Needs: unproven.Needs}
	case errors.As(err, &notReady):
		f = failure{Type: "not-ready", Status: http.StatusConflict, Resource: notReady.Resource, Missing: notReady.Missing, Draining: notReady.Draining}
	case errors.As(err, &busy):
		f = failure{Type: "busy", Status: http.StatusConflict, Resource: busy.Resource, Tries: busy.Tries}
	case errors.Is(err, ownership.ErrUnknown):
		f = failure{Type: "unknown", Status: http.StatusNotFound}
	default:
		return failure{}, false
	}
	f.Type, f.Title, f.Detail = typePrefix+f.Type, titles[f.Type], err.Error()
	return f, true
}

var titles = map[string]string{
	"not-owner": "This side must not write",
	"stale":     "The row has moved on",
	"unproven":  "The other side's row does not allow it",
	"not-ready": "This side can't own it yet",
	"busy":      "Writers hold it",
	"unknown":   "This side has no row of it",
}

// err is the error as it was, with the text of the other end; nil when the type is
// none of ours, or lacks what it needs.
func (f failure) err() error {
	var kind error
	switch name, _ := strings.CutPrefix(f.Type, typePrefix); {
	case name == f.Type:
		return nil
	case name == "not-owner":
		kind = &ownership.NotOwnerError{Resource: f.Resource, Side: f.Side, State: f.State, Owner: f.Owner, Epoch: f.Epoch}
	case name == "stale" && f.Order != nil && f.Have != nil:
		kind = &ownership.StaleError{Order: *f.Order, Have: *f.Have}
	case name == "unproven" && f.Order != nil:
		kind = &ownership.UnprovenError{Order: *f.Order, Needs: f.Needs}
	case name == "not-ready":
		kind = &ownership.NotReadyError{Resource: f.Resource, Missing: f.Missing, Draining: f.Draining}
	case name == "busy":
		kind = &ownership.BusyError{Resource: f.Resource, Tries: f.Tries}
	case name == "unknown":
		kind = ownership.ErrUnknown
	default:
		return nil
	}
	return &told{text: f.Detail, kind: kind}
}

// told is an error that the other end has put into words already.
type told struct {
	text string
	kind error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.kind }

// ErrorIn reads the error of an answer's body; nil when it has none of package
// ownership.
func ErrorIn(body []byte) error {
	var f failure
	if json.Unmarshal(body, &f) != nil {
		return nil
	}
	return f.err()
}
