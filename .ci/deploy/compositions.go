package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

const kustomizationFile = "kustomization.yaml"

// composition is a folder with a kustomization.
type composition struct {
	dir       string // relative to the repository, with slashes
	component bool   // only to be used by others
	uses      []string
	step      string // the step that it is, or is made on; "" for a base
}

// compositions reads all folders of the path and of deploy/ that have a kustomization.
func compositions(root string) (map[string]*composition, error) {
	all := map[string]*composition{}
	for _, top := range []string{"migration-steps", "deploy"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Name() != kustomizationFile {
				return err
			}
			c, err := readComposition(root, filepath.Dir(path))
			if err == nil {
				all[c.dir] = c
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for kustomizations in %s: %w", top, err)
		}
	}
	for _, c := range all {
		c.step = stepOf(all, c.dir, 0)
	}
	return all, nil
}

func readComposition(root, dir string) (*composition, error) {
	relative, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, fmt.Errorf("find %s in %s: %w", dir, root, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, kustomizationFile))
	if err != nil {
		return nil, fmt.Errorf("read the kustomization: %w", err)
	}
	var k types.Kustomization
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", relative, kustomizationFile, err)
	}
	c := &composition{dir: filepath.ToSlash(relative), component: k.Kind == types.ComponentKind}
	for _, used := range slices.Concat(k.Resources, k.Components) {
		c.uses = append(c.uses, filepath.ToSlash(filepath.Join(relative, used)))
	}
	return c, nil
}

// stepOf follows what a composition uses until it comes to a folder of the path. Depth ends a circle, which rendering reports.
func stepOf(all map[string]*composition, dir string, depth int) string {
	if name, ok := strings.CutPrefix(dir, "migration-steps/"); ok {
		return name
	}
	c := all[dir]
	if c == nil || depth > 20 {
		return ""
	}
	for _, used := range c.uses {
		if step := stepOf(all, used, depth+1); step != "" {
			return step
		}
	}
	return ""
}

// missing names the steps without a kustomization, and the components that no composition is built with: one that nobody
// renders rots.
func missing(root string, all map[string]*composition) ([]finding, error) {
	var found []finding
	steps, err := stepNames(root)
	if err != nil {
		return nil, err
	}
	for _, step := range steps {
		if all["migration-steps/"+step] == nil {
			found = append(found, finding{check: "kustomization", text: "migration-steps/" + step + " has no " + kustomizationFile})
		}
	}
	used := map[string]bool{}
	for _, c := range all {
		if !c.component {
			markUsed(all, c, used)
		}
	}
	for dir, c := range all {
		if c.component && !used[dir] {
			found = append(found, finding{check: "component", text: dir + " is in no composition, so nobody has rendered it: add one that uses it"})
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.text, b.text) })
	return found, nil
}

func markUsed(all map[string]*composition, c *composition, used map[string]bool) {
	if c == nil || used[c.dir] {
		return
	}
	used[c.dir] = true
	for _, dir := range c.uses {
		markUsed(all, all[dir], used)
	}
}

// stepNames are the folders of the path, in order.
func stepNames(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "migration-steps", "*", "step.yaml"))
	if err != nil {
		return nil, fmt.Errorf("look for steps: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s/migration-steps has no step", root)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names, nil
}
