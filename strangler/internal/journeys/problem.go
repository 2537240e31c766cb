package journeys

import (
	"net/http"
	"strings"
)

// problem is an error as the API answers it (RFC 9457), with the blog's extensions.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance"`
	RequestID string `json:"request_id"`
	Errors    []struct {
		Field  string `json:"field"`
		Detail string `json:"detail"`
	} `json:"errors"`
}

// mustBeProblem checks the form that every error of the API has. An empty kind
// leaves the kind open.
func (a *Answer) mustBeProblem(kind string) {
	if a.call.method == http.MethodHead {
		return // a HEAD has no body to look into
	}
	p := a.problem()
	switch {
	case !strings.HasPrefix(p.Type, "urn:banyan:problem:"):
		a.fail("the problem's type is %q, want urn:banyan:problem:<kind>", p.Type)
	case kind != "" && p.Type != "urn:banyan:problem:"+kind:
		a.fail("the problem is %q (%s), want kind %q", p.Type, p.Detail, kind)
	case p.Status != a.Status:
		a.fail("the problem says status %d, the answer has %d", p.Status, a.Status)
	case p.Title == "":
		a.fail("the problem has no title")
	case p.RequestID == "":
		a.fail("the problem has no request_id")
	case kind == "validation" && len(p.Errors) == 0:
		a.fail("the validation problem names no field")
	}
}

func (a *Answer) problem() problem {
	a.HasPart("Content-Type", "application/problem+json")
	var p problem
	a.Into(&p)
	return p
}

// names tells whether the problem names the field.
func (a *Answer) names(field string) bool {
	for _, e := range a.problem().Errors {
		if e.Field == field || strings.HasPrefix(e.Field, field+"[") || strings.HasPrefix(e.Field, field+".") {
			return true
		}
	}
	return false
}
