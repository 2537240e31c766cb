package steps

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What a process says of a resource at its first start: it owns it, or it follows who
// does.
const (
	OwnsAtFirst    = "owner"
	FollowsAtFirst = "follower"
)

// Sides are the two processes that may own a resource; the one that does so before
// any hand-over comes first.
func (p Path) Sides(resource string) (sides [2]string, err error) {
	for _, name := range sorted(p.Processes) {
		switch p.Processes[name].Resources[resource] {
		case OwnsAtFirst:
			sides[0] = name
		case FollowsAtFirst:
			sides[1] = name
		}
	}
	if sides[0] == "" || sides[1] == "" {
		return sides, fmt.Errorf("there is no resource %q: use one of %s (resources in processes.yaml)", resource, strings.Join(p.Resources(), ", "))
	}
	return sides, nil
}

// Resources are all that processes.yaml names, sorted.
func (p Path) Resources() []string {
	names := map[string]bool{}
	for _, process := range p.Processes {
		for resource := range process.Resources {
			names[resource] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkResources finds a resource that has not exactly two sides, one of each kind.
func checkResources(processes map[string]Process) error {
	sides := map[string]map[string][]string{}
	for _, name := range sorted(processes) {
		for resource, as := range processes[name].Resources {
			if sides[resource] == nil {
				sides[resource] = map[string][]string{}
			}
			sides[resource][as] = append(sides[resource][as], name)
		}
	}
	for _, resource := range sorted(sides) {
		if owners, followers := sides[resource][OwnsAtFirst], sides[resource][FollowsAtFirst]; len(owners) != 1 || len(followers) != 1 {
			return fmt.Errorf("resource %q has the owners [%s] and the followers [%s] in processes.yaml: name one of each",
				resource, strings.Join(owners, ", "), strings.Join(followers, ", "))
		}
	}
	return nil
}

// Databases are those beside the first that the process keeps its data in, by the
// names in ${postgres.url:NAME}.
func (p Process) Databases() []string {
	names := map[string]bool{}
	for _, value := range p.Environment {
		for _, m := range placeholder.FindAllStringSubmatch(value, -1) {
			if name, ok := strings.CutPrefix(m[1], database); ok {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Databases are those beside the first that some process of the path has, sorted.
func (p Path) Databases() []string {
	var names []string
	for _, process := range p.Processes {
		names = append(names, process.Databases()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// FirstWith is the first step in which a process runs that keeps its data in the
// database of that name; false when none does.
func (p Path) FirstWith(database string) (step int, ok bool) {
	for i, s := range p.Steps {
		for _, run := range s.Runs {
			if slices.Contains(p.Processes[run.Process].Databases(), database) {
				return i, true
			}
		}
	}
	return 0, false
}

// owners reads who owns what, as {comments: monolith}.
func (r *stepReader) owners(n *yaml.Node, field string) map[string]string {
	all := map[string]string{}
	r.pairs(n, field, func(key, value *yaml.Node) {
		if _, twice := all[key.Value]; twice {
			r.fail(key, "%s names %q twice: remove one", field, key.Value)
		}
		all[key.Value] = r.side(value, field, r.resource(key))
	})
	if len(all) == 0 {
		r.fail(n, "%s is empty: write {comments: monolith}", field)
	}
	return all
}

// resource is a name that some process of processes.yaml has among its resources.
func (r *stepReader) resource(n *yaml.Node) string {
	name := r.text(n, "resource")
	all := Path{Processes: r.processes}
	if _, err := all.Sides(name); err != nil {
		r.fail(n, "%v", err)
	}
	return name
}

// side is a process that may own the resource.
func (r *stepReader) side(n *yaml.Node, field, resource string) string {
	name := r.host(n, field)
	if r.err == nil && r.processes[name].Resources[resource] == "" {
		sides, _ := Path{Processes: r.processes}.Sides(resource)
		r.fail(n, "%s is %q, which has no %s of its own: use %s or %s", field, name, resource, sides[0], sides[1])
	}
	return name
}

// ownersOf is who owns each resource in a step's end state.
func (p Path) ownersOf(s Step) map[string]string {
	owners := map[string]string{}
	for _, resource := range p.Resources() {
		if sides, err := p.Sides(resource); err == nil {
			owners[resource] = sides[0]
		}
	}
	maps.Copy(owners, s.Owners)
	return owners
}
