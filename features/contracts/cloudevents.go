package contracts

import (
	"fmt"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The headers of an event on Kafka: CloudEvents 1.0 in binary mode, where attributes
// are headers and the payload is the message's value
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md).
const (
	headerSpecVersion = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerSubject     = "ce_subject"
	headerTime        = "ce_time"
	headerVersion     = "ce_version" // an extension: the aggregate's version
	headerContentType = "content-type"
	headerTraceparent = "traceparent" // W3C trace context, under its own name

	specVersion = "1.0"
	contentJSON = "application/json"
)

// Attributes are what stands on an event's envelope, whatever is in it.
type Attributes struct {
	// ID is the event's, minted once, in the outbox row. A repeated event has the same.
	ID string
	// Source is who minted it, a URI reference as in "/banyan/monolith". A side that
	// listens to a topic on which it also writes knows its own events by it.
	Source string
	// Type is one of EventTypes, or one that this program does not know yet.
	Type string
	// Subject is the aggregate's id, as the message's key is.
	Subject string
	// Time is when it was minted.
	Time time.Time
	// Version is the aggregate's; 0 is none.
	Version int
	// Traceparent is the trace of the request that made it; "" is none.
	Traceparent string
}

// AttributesOf are the attributes that follow from the event itself, beside those
// that the writer knows.
func AttributesOf(e Event, id, source string, at time.Time, traceparent string) Attributes {
	return Attributes{
		ID: id, Source: source, Type: e.EventType(), Subject: e.Aggregate(),
		Time: at.UTC(), Version: e.AggregateVersion(), Traceparent: traceparent,
	}
}

// Headers are the attributes as headers.
func (a Attributes) Headers() map[string]string {
	h := map[string]string{
		headerSpecVersion: specVersion, headerID: a.ID, headerSource: a.Source, headerType: a.Type,
		headerSubject: a.Subject, headerTime: a.Time.UTC().Format(time.RFC3339Nano), headerContentType: contentJSON,
	}
	if a.Version != 0 {
		h[headerVersion] = strconv.Itoa(a.Version)
	}
	if a.Traceparent != "" {
		h[headerTraceparent] = a.Traceparent
	}
	return h
}

// Encode is the whole event as a message: its headers and its payload. It refuses
// what Decode would.
func Encode(a Attributes, e Event) (headers map[string]string, payload []byte, err error) {
	if payload, err = Payload(e); err != nil {
		return nil, nil, err
	}
	headers = a.Headers()
	if _, err := ReadAttributes(headers); err != nil {
		return nil, nil, err
	}
	return headers, payload, agree(a, e)
}

// Decode is the way back. Headers and fields that it does not know are ignored. Its
// errors are ErrMalformed and ErrUnknownType.
func Decode(headers map[string]string, payload []byte) (Attributes, Event, error) {
	a, err := ReadAttributes(headers)
	if err != nil {
		return Attributes{}, nil, err
	}
	e, err := Parse(a.Type, payload)
	if err != nil {
		return Attributes{}, nil, err
	}
	if err := agree(a, e); err != nil {
		return Attributes{}, nil, err
	}
	return a, e, nil
}

// agree refuses an event whose envelope tells another story than its payload: the
// inbox goes by the one, and the store by the other.
func agree(a Attributes, e Event) error {
	switch {
	case a.Type != e.EventType():
		return malformed(headerType, a.Type, "the payload is a "+e.EventType())
	case a.Subject != e.Aggregate():
		return malformed(headerSubject, a.Subject, "the payload is about "+e.Aggregate())
	case a.Version != e.AggregateVersion():
		return malformed(headerVersion, strconv.Itoa(a.Version), fmt.Sprintf("the payload has version %d", e.AggregateVersion()))
	}
	return nil
}

// ReadAttributes reads the headers without the payload. Its errors are ErrMalformed
// and name header, value and mend.
func ReadAttributes(headers map[string]string) (Attributes, error) {
	if err := checkMode(headers); err != nil {
		return Attributes{}, err
	}
	for _, name := range []string{headerID, headerSource, headerType, headerSubject, headerTime} {
		if err := clean(name, headers[name]); err != nil {
			return Attributes{}, err
		}
	}
	a := Attributes{
		ID: headers[headerID], Source: headers[headerSource], Type: headers[headerType], Subject: headers[headerSubject],
		Traceparent: headers[headerTraceparent],
	}
	if !IsID(a.ID) {
		return Attributes{}, malformed(headerID, a.ID, "write a UUID in lower case")
	}
	if _, err := url.Parse(a.Source); err != nil {
		return Attributes{}, malformed(headerSource, a.Source, "write a URI reference, as in /banyan/monolith")
	}
	var err error
	if a.Time, err = time.Parse(time.RFC3339Nano, headers[headerTime]); err != nil {
		return Attributes{}, malformed(headerTime, headers[headerTime], "write it as RFC 3339, as in 2026-01-02T15:04:05.123456Z")
	}
	a.Time = a.Time.UTC()
	if a.Version, err = readVersion(headers); err != nil {
		return Attributes{}, err
	}
	return a, nil
}

func checkMode(headers map[string]string) error {
	content := headers[headerContentType]
	media, _, err := mime.ParseMediaType(content)
	if err == nil && strings.HasPrefix(media, "application/cloudevents") {
		return malformed(headerContentType, content, "this is structured mode; publish in binary mode, attributes as ce_ headers")
	}
	if got := headers[headerSpecVersion]; got != specVersion {
		return malformed(headerSpecVersion, got, "write "+specVersion)
	}
	if err != nil || media != contentJSON {
		return malformed(headerContentType, content, "write "+contentJSON)
	}
	return nil
}

// clean refuses what CloudEvents does not allow in a string attribute: nothing at
// all, control characters, and what is no UTF-8.
func clean(name, value string) error {
	if value == "" {
		return malformed(name, value, "the header is missing or empty: write it")
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return malformed(name, value, "write UTF-8 without control characters")
	}
	return nil
}

func readVersion(headers map[string]string) (int, error) {
	text, given := headers[headerVersion]
	if !given {
		return 0, nil
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 || strconv.Itoa(version) != text {
		return 0, malformed(headerVersion, text, "write a decimal number from 1, or leave the header out")
	}
	return version, nil
}

func malformed(field, value, mend string) error {
	return &EventError{Kind: ErrMalformed, Field: field, Value: shorten(value), Mend: mend}
}
