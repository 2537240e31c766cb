package pages

import (
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// keyField is the hidden field that names one filling of a form.
const keyField = "idempotency_key"

// form is what a person filled in.
type form struct {
	path   string
	values url.Values
}

// readForm reads an ordinary form. Problems: UnsupportedMediaType, TooLarge,
// Malformed, and Validation for text that no database can keep.
func readForm(c echo.Context) (form, error) {
	r := c.Request()
	media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || media != echo.MIMEApplicationForm {
		return form{}, problem.New(problem.UnsupportedMediaType, "Content-Type is %q: send the form as a browser does", r.Header.Get(echo.HeaderContentType))
	}
	body, err := httpkit.ReadBody(r, httpkit.MaxJSON)
	if err != nil {
		return form{}, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return form{}, problem.New(problem.Malformed, "the form can't be read: %s", err)
	}
	return form{r.URL.EscapedPath(), values}, clean(values)
}

func clean(values url.Values) error {
	var f problem.Fields
	for name, all := range values {
		for _, value := range all {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				f.Add(name, "is not clean UTF-8 text without NUL characters")
			}
		}
	}
	return f.Err()
}

// text is what stands in a field, with the line ends that we store: browsers send
// CRLF whatever was typed.
func (f form) text(name string) string {
	return strings.ReplaceAll(f.values.Get(name), "\r\n", "\n")
}

// line is text without spaces around it.
func (f form) line(name string) string { return strings.TrimSpace(f.text(name)) }

// key is the form's idempotency key, with a hash of all that was filled in; the
// zero Key when the form has none.
func (f form) key() (contracts.Key, error) {
	value := f.values.Get(keyField)
	if value == "" {
		return contracts.Key{}, nil
	}
	rest := url.Values{}
	for name, all := range f.values {
		if name != keyField {
			rest[name] = all
		}
	}
	key, err := httpkit.NewKey(value, http.MethodPost, f.path, rest.Encode())
	return contracts.Key(key), err
}

// kept is the form's key if nobody knows whether what was sent was done: sent again, it
// must be known as the same. Else the form gets a new one.
func (f form) kept(err error) string {
	if problem.Is(err, httpkit.Unavailable) {
		return f.values.Get(keyField)
	}
	return ""
}

// faults is what is wrong with a form, by field; "" is the form as a whole.
type faults map[string][]string

// faultsOf tells what a person can mend in the form, and with which status it is
// shown again; ok is false for an error that the form can't help.
func faultsOf(c echo.Context, err error) (f faults, status int, ok bool) {
	var known *problem.Error
	var throttled *accounts.Throttled
	switch {
	case errors.As(err, &throttled):
		httpkit.RetryAfter(c, throttled.After.Seconds())
		return faults{"": {sentence(throttled.Error())}}, http.StatusTooManyRequests, true
	case !errors.As(err, &known):
		return nil, 0, false
	}
	switch known.Kind {
	case problem.Validation:
		f = faults{}
		for _, field := range known.Fields {
			f[field.Field] = append(f[field.Field], field.Detail)
		}
		return f, http.StatusUnprocessableEntity, true
	case problem.KeyReused:
		return faults{"": {"This form was sent before, with something else in it. Look at what is there already; send it again to send it as a new one."}}, http.StatusUnprocessableEntity, true
	case problem.EmailTaken:
		return faults{"email": {"has an account already: sign in instead, or take another"}}, http.StatusConflict, true
	case problem.BadCredentials:
		return faults{"": {sentence(known.Detail)}}, http.StatusUnauthorized, true
	case httpkit.Unavailable:
		httpkit.RetryAfter(c, 1)
		return faults{"": {"It could not be saved at this moment. Send it again in a few seconds: it is saved once, however often you send it."}}, http.StatusServiceUnavailable, true
	case problem.RateLimited:
		return faults{"": {sentence(known.Detail)}}, http.StatusTooManyRequests, true
	}
	return nil, 0, false
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// fault is one field's, as the page shows it next to the field.
type fault struct {
	ID   string
	Text string
}

// faultOf returns nil when nothing is wrong with the field.
func faultOf(f faults, field, label string) *fault {
	if len(f[field]) == 0 {
		return nil
	}
	text := strings.Join(f[field], "; ")
	if label != "" {
		text = label + " " + text + "."
	}
	return &fault{ID: field + "-fault", Text: text}
}

// invalid is the attributes by which a screen reader finds the fault.
func invalid(f faults, field string) template.HTMLAttr {
	if len(f[field]) == 0 {
		return ""
	}
	return template.HTMLAttr(fmt.Sprintf(`aria-invalid="true" aria-describedby="%s-fault"`, field))
}
