package httpkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/problem"
)

// MaxJSON is how many bytes a JSON body may have.
const MaxJSON = 1 << 20

// drainAtMost is how much of a body that is too large is read and thrown away
// before the answer: a client that still writes would else see a reset connection
// where the answer should be.
const drainAtMost = 32 << 20

// Read decodes the request's JSON object into a T and returns it with the
// request's idempotency key. It is strict: one object of application/json, no
// unknown field, nothing after it. Problems: UnsupportedMediaType, Malformed,
// TooLarge, and Validation for a field of the wrong type.
func Read[T any](c echo.Context) (in T, key Key, err error) {
	body, err := readJSON(c.Request())
	if err != nil {
		return in, Key{}, err
	}
	if err := decode(body, &in); err != nil {
		return in, Key{}, err
	}
	key, err = KeyOf(c, body)
	return in, key, err
}

func readJSON(r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, problem.New(problem.UnsupportedMediaType, "Content-Type is %q: send application/json", r.Header.Get("Content-Type"))
	}
	return ReadBody(r, MaxJSON)
}

// ReadBody reads the whole body, or is TooLarge when it has more than limit bytes.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := problem.New(problem.TooLarge, "the body is larger than %d bytes", limit)
	if r.ContentLength > limit {
		drain(r.Body)
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		drain(r.Body)
		return nil, tooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, problem.New(problem.Malformed, "the body ended before its announced length")
	case err != nil:
		return nil, fmt.Errorf("read body: %w", err)
	case int64(len(body)) > limit:
		drain(r.Body)
		return nil, tooLarge
	}
	return body, nil
}

func drain(body io.Reader) {
	if b, ok := body.(*boundedBody); ok {
		body = b.ReadCloser
	}
	_, _ = io.CopyN(io.Discard, body, drainAtMost)
}

func decode(body []byte, in any) error {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return problem.New(problem.Malformed, "the body is no JSON object: send {...}")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return explainJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem.New(problem.Malformed, "something follows the JSON object: send one object only")
	}
	if bytes.Contains(body, []byte(`\u0000`)) {
		return refuseNUL(reflect.ValueOf(in).Elem())
	}
	return nil
}

// explainJSON says what a person must mend, in words of JSON and not of Go.
func explainJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		var f problem.Fields
		f.Add(fieldName(kind.Field), "is a JSON %s: send a %s", kind.Value, jsonName(kind.Type))
		return f.Err()
	case errors.As(err, &syntax):
		return problem.New(problem.Malformed, "the body is no JSON: at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.New(problem.Malformed, "the body is no JSON: it ends too early")
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return problem.New(problem.Malformed, "the field %s is unknown here: leave it out", field)
	}
	return problem.New(problem.Malformed, "the body can't be read: %s", err)
}

// fieldName is the last part of a Go path: the first parts are embedded structs,
// which JSON does not know.
func fieldName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "list"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return "number"
}

// refuseNUL names the texts with a NUL character, which PostgreSQL can't store:
// without this it would be an internal error of whoever stores it.
func refuseNUL(v reflect.Value) error {
	var f problem.Fields
	for _, field := range reflect.VisibleFields(v.Type()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.Anonymous && hasNUL(v.FieldByIndex(field.Index)) {
			f.Add(name, "has a NUL character: take it out")
		}
	}
	return f.Err()
}

func hasNUL(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return strings.ContainsRune(v.String(), 0)
	case reflect.Slice:
		for i := range v.Len() {
			if hasNUL(v.Index(i)) {
				return true
			}
		}
	case reflect.Pointer:
		return !v.IsNil() && hasNUL(v.Elem())
	}
	return false
}
