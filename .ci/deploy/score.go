package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed exceptions.yaml
var exceptionsFile []byte

// exception is a check of kube-score that does not hold for some objects, and why it need not.
type exception struct {
	Check   string `json:"check"`
	Objects string `json:"objects"` // a pattern of "Kind/name", as path.Match has it
	In      string `json:"in"`      // a pattern of the composition's folder; "" is all
	Reason  string `json:"reason"`
	used    bool
}

// exceptions are all of them. Safe for use by several goroutines.
type exceptions struct {
	mu   sync.Mutex
	list []*exception
}

func readExceptions() (*exceptions, error) {
	var all exceptions
	if err := yaml.UnmarshalStrict(exceptionsFile, &all.list); err != nil {
		return nil, fmt.Errorf("read exceptions.yaml: %w", err)
	}
	for _, e := range all.list {
		_, wrongIn := path.Match(e.In, "")
		if _, err := path.Match(e.Objects, ""); err != nil || wrongIn != nil || e.Check == "" || e.Objects == "" || len(e.Reason) < 20 {
			return nil, fmt.Errorf("exceptions.yaml: %q for %q wants a check, objects as Kind/name, and a reason that explains it", e.Check, e.Objects)
		}
	}
	return &all, nil
}

func (e *exceptions) allows(check, object, dir string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, each := range e.list {
		matches, _ := path.Match(each.Objects, object)
		in, _ := path.Match(each.In, dir)
		if matches && each.Check == check && (in || each.In == "") {
			each.used = true
			return true
		}
	}
	return false
}

// unused are exceptions without a case: they would hide the next one.
func (e *exceptions) unused() []finding {
	var found []finding
	for _, each := range e.list {
		if !each.used {
			found = append(found, finding{each.Objects, "exceptions.yaml", each.Check + " holds everywhere: take this exception out"})
		}
	}
	return found
}

// scored is what kube-score says of one object.
type scored struct {
	TypeMeta   struct{ Kind string } `json:"type_meta"`
	ObjectMeta struct{ Name string } `json:"object_meta"`
	Checks     []struct {
		Check    struct{ ID string } `json:"check"`
		Grade    int                 `json:"grade"` // 1 critical, 5 a warning, 7 and 10 well
		Skipped  bool                `json:"skipped"`
		Comments []struct{ Path, Summary string }
	} `json:"checks"`
}

// warning is the best grade that is a finding.
const warning = 5

// score runs kube-score, a program of its own because it needs older libraries of Kubernetes than the rest here. What it calls
// critical or a warning is a finding, unless it is excepted.
func score(ctx context.Context, program, dir string, text []byte, exceptions *exceptions) ([]finding, error) {
	// No annotation on an object may turn a check off: exceptions stand in one place, with their reason.
	command := exec.CommandContext(ctx, program, "score", "--output-format", "json", "--kubernetes-version", "v1.34",
		"--ignore-container-cpu-limit", // a limit throttles a host in the middle of a burst; its request is what shares are made of
		"--enable-optional-test", "container-seccomp-profile", "--disable-ignore-checks-annotations", "--disable-optional-checks-annotations", "-")
	command.Stdin = bytes.NewReader(text)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	answer, err := command.Output() // its status is 1 also when it has found something
	var all []scored
	if wrong := json.Unmarshal(answer, &all); wrong != nil || len(all) == 0 {
		return nil, fmt.Errorf("run kube-score: %w: %s", errors.Join(err, wrong, errors.New("it scored nothing")), complaints.String())
	}
	var found []finding
	for _, s := range all {
		found = append(found, s.findings(dir, exceptions)...)
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

func (s scored) findings(dir string, exceptions *exceptions) []finding {
	var found []finding
	object := s.TypeMeta.Kind + "/" + s.ObjectMeta.Name
	for _, test := range s.Checks {
		if test.Skipped || test.Grade > warning || exceptions.allows(test.Check.ID, object, dir) {
			continue
		}
		var lines []string
		for _, c := range test.Comments {
			lines = append(lines, strings.TrimPrefix(c.Path+": "+c.Summary, ": "))
		}
		found = append(found, finding{object, test.Check.ID, strings.Join(lines, "; ")})
	}
	return found
}
