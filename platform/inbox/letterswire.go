package inbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// lettersProblem is what the problems' types begin with. A proxy's 404 has none, and is
// never taken for a host's.
const lettersProblem = "urn:banyan:deadletters:"

// letterFailure is an error on its way (RFC 9457).
type letterFailure struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// letterKinds are the errors that come back as what they were.
var letterKinds = []struct {
	err    error
	name   string
	status int
	title  string
}{
	{ErrLetterAsked, "malformed", http.StatusBadRequest, "It can't be asked so"},
	{ErrNoLetter, "unknown", http.StatusNotFound, "There is no such dead letter"},
	{ErrNoConsumer, "no-consumer", http.StatusNotFound, "There is no such consumer"},
	{ErrLetterClosed, "closed", http.StatusConflict, "The dead letter's state does not allow it"},
}

func letterFailureOf(err error) letterFailure {
	for _, k := range letterKinds {
		if errors.Is(err, k.err) {
			return letterFailure{lettersProblem + k.name, k.title, k.status, strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
	}
	// Who may see the admin port may see the database's error.
	return letterFailure{"about:blank", "Nobody knows whether it was done", http.StatusServiceUnavailable, err.Error()}
}

// letterErrorIn reads the error of an answer's body; nil when it is none of ours.
func letterErrorIn(body []byte) error {
	var f letterFailure
	if json.Unmarshal(body, &f) != nil {
		return nil
	}
	for _, k := range letterKinds {
		if f.Type == lettersProblem+k.name {
			return &toldLetter{f.Detail, k.err}
		}
	}
	return nil
}

// toldLetter is an error that the other end has put into words already.
type toldLetter struct {
	text string
	kind error
}

func (e *toldLetter) Error() string { return e.text }
func (e *toldLetter) Unwrap() error { return e.kind }

func refuseLetters(w http.ResponseWriter, err error) { answerLetters(w, nil, err) }

func answerLetters(w http.ResponseWriter, value any, err error) {
	status, mediaType := http.StatusOK, "application/json"
	if err != nil {
		f := letterFailureOf(err)
		value, status, mediaType = f, f.Status, "application/problem+json"
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)                  // a payload is shown as it was written
	if err := encoder.Encode(value); err != nil { // a type of ours that can't be written is a mistake in the program
		http.Error(w, "the answer can't be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the asker has gone; it asks again
}
