package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// releases of Kubernetes that every object must be valid for: the oldest that it was run on, and the newest that is known.
var releases = []string{"1.34.4", "1.36.3"}

// checker is what every composition is checked with. Safe for use by several goroutines.
type checker struct {
	root       string
	schemas    *schemas
	kubeScore  string // the program
	exceptions *exceptions
}

// manifests checks every composition and writes one line for each, and one for each finding.
func manifests(ctx context.Context, root, cache, kubeScore string, out io.Writer) error {
	all, err := compositions(root)
	if err != nil {
		return err
	}
	exceptions, err := readExceptions()
	if err != nil {
		return err
	}
	with := checker{root, newSchemas(cache), kubeScore, exceptions}
	found, err := missing(root, all)
	if err != nil {
		return err
	}
	reports := map[string]report{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for dir, c := range all {
		if c.component {
			continue
		}
		group.Go(func() error {
			r := with.check(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			reports[dir] = r
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	found = append(found, exceptions.unused()...)
	return tell(out, found, reports)
}

// report is what was found of one composition.
type report struct {
	objects, pods int
	step          string
	found         []finding
}

func tell(out io.Writer, found []finding, reports map[string]report) error {
	bad := len(found)
	for _, f := range found {
		fmt.Fprintln(out, f)
	}
	objects := 0
	for _, dir := range slices.Sorted(maps.Keys(reports)) {
		r := reports[dir]
		objects += r.objects
		bad += len(r.found)
		scored := ""
		if r.step != "" {
			scored = ", scored"
		}
		fmt.Fprintf(out, "%-50s %3d objects valid for %s, %2d pods restricted%s: %d findings\n", dir, r.objects, strings.Join(releases, " and "), r.pods, scored, len(r.found))
		for _, f := range r.found {
			fmt.Fprintf(out, "  %s: %s\n", dir, f)
		}
	}
	fmt.Fprintf(out, "%d compositions, %d objects, %d findings\n", len(reports), objects, bad)
	if bad > 0 || len(reports) == 0 {
		return errFound
	}
	return nil
}

// check renders one composition and runs what applies: schemas and pod security on all, kube-score and the rules of the house on
// what is a whole step.
func (with checker) check(ctx context.Context, c *composition) report {
	text, err := render(with.root, c.dir)
	if err != nil {
		return report{found: []finding{{check: "kustomize", text: err.Error()}}}
	}
	r := report{step: c.step}
	// A check that can't be made is a finding like one that fails: the others go on.
	add := func(name string, found []finding, err error) {
		if err != nil {
			found = append(found, finding{check: name, text: err.Error()})
		}
		r.found = append(r.found, found...)
	}
	var found []finding
	r.objects, found, err = with.schemas.validate(ctx, c.dir, text)
	add("schema", found, err)
	if r.objects == 0 && len(r.found) == 0 {
		r.found = append(r.found, finding{check: "schema", text: "nothing was rendered, so nothing was checked"})
	}
	r.pods, found, err = restricted(text)
	add("restricted", found, err)
	if c.step == "" {
		return r
	}
	found, err = score(ctx, with.kubeScore, c.dir, text, with.exceptions)
	add("kube-score", found, err)
	found, err = house(c.step, text)
	add("house", found, err)
	if r.pods == 0 {
		r.found = append(r.found, finding{check: "pods", text: "a step without a pod"})
	}
	return r
}

// render does what kubectl kustomize does, with its restrictions on files from elsewhere.
func render(root, dir string) ([]byte, error) {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	text, err := made.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("write what was rendered: %w", err)
	}
	return text, nil
}
