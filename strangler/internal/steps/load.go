package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Folder is where the steps are, from the repository's root.
const Folder = "migration-steps"

var folderName = regexp.MustCompile(`^[0-9]{2}-[a-z0-9-]+$`)

// Find looks for the repository from dir upward, by its go.work and steps, so that
// the tool works from any folder inside.
func Find(dir string) (root string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve folder %q: %w", dir, err)
	}
	for at := abs; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, "go.work")) && exists(filepath.Join(at, Folder)) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no %s beside a go.work in %s or above it: run this inside a clone of the repository", Folder, abs)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Load reads the whole path of the repository at root and checks it.
func Load(root string) (Path, error) {
	dir := filepath.Join(root, Folder)
	r := reader{file: filepath.Join(Folder, "processes.yaml")}
	content, err := os.ReadFile(filepath.Join(root, r.file))
	if err != nil {
		return Path{}, fmt.Errorf("read how processes are started: %w", err)
	}
	path := Path{Root: root, Processes: r.processes(content)}
	if r.err != nil {
		return Path{}, r.err
	}
	entries, err := os.ReadDir(dir) // sorted by name, which is the order of the path
	if err != nil {
		return Path{}, fmt.Errorf("read the steps: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if !folderName.MatchString(e.Name()) {
			return Path{}, fmt.Errorf("%s: the folder's name is no step: write two digits and a name, such as 03-redis-sessions", filepath.Join(Folder, e.Name()))
		}
		step, err := loadStep(root, e.Name(), path.Processes)
		if err != nil {
			return Path{}, err
		}
		path.Steps = append(path.Steps, step)
	}
	if len(path.Steps) == 0 {
		return Path{}, fmt.Errorf("%s holds no step", dir)
	}
	return path, path.check()
}

func loadStep(root, name string, processes map[string]Process) (Step, error) {
	file := filepath.Join(Folder, name, "step.yaml")
	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return Step{}, fmt.Errorf("read step %s: %w", name, err)
	}
	r := stepReader{reader: reader{file: file}, processes: processes}
	step := r.step(content)
	if r.err != nil {
		return Step{}, r.err
	}
	step.Name = name
	routes := filepath.Join(Folder, name, "gateway.yaml")
	step.Gateway, err = os.ReadFile(filepath.Join(root, routes))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Step{}, fmt.Errorf("read the routes of step %s: %w", name, err)
	}
	if err := isYAML(routes, step.Gateway); err != nil {
		return Step{}, err
	}
	step.Variants, err = loadVariants(root, name)
	return step, err
}

// loadVariants reads a step's gateway.NAME.yaml files.
func loadVariants(root, step string) (map[string][]byte, error) {
	files, err := filepath.Glob(filepath.Join(root, Folder, step, "gateway.*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("look for other routes of step %s: %w", step, err)
	}
	variants := map[string][]byte{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read other routes of step %s: %w", step, err)
		}
		base := filepath.Base(file)
		if err := isYAML(filepath.Join(Folder, step, base), content); err != nil {
			return nil, err
		}
		variants[strings.TrimSuffix(strings.TrimPrefix(base, "gateway."), ".yaml")] = content
	}
	return variants, nil
}

func isYAML(file string, content []byte) error {
	var any yaml.Node
	if err := yaml.Unmarshal(content, &any); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// check says what can be known only from all steps together.
func (p Path) check() error {
	for i, s := range p.Steps {
		file := filepath.Join(Folder, s.Name, "step.yaml")
		if i == 0 && len(s.Forward)+len(s.Back) > 0 {
			return fmt.Errorf("%s: the first step has a forward or back list, but nothing lies before it: remove them", file)
		}
		if i > 0 && (len(s.Forward) == 0 || len(s.Back) == 0) {
			return fmt.Errorf("%s: forward or back is empty: say how the step is reached and left", file)
		}
		for _, list := range s.lists() {
			for _, a := range list {
				if err := p.checkAction(a); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			if err := p.checkMoves(list); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		if err := p.leadsTo(i); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func (p Path) checkAction(a Action) error {
	if a.Verb != Gateway {
		return nil
	}
	if _, err := p.Routes(a.Value); err != nil {
		return fmt.Errorf("action %q: %w", a, err)
	}
	return nil
}

// lists are the actions that are done one after another: forward, back, and those
// of each demo.
func (s Step) lists() [][]Action {
	lists := [][]Action{s.Forward, s.Back}
	for _, d := range s.Demos {
		var list []Action
		for _, act := range d.Do {
			if act.Action != nil {
				list = append(list, *act.Action)
			}
		}
		lists = append(lists, list)
	}
	return lists
}
