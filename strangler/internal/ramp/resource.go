package ramp

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Ownership is who owns a resource, as a gateway's file says.
type Ownership struct {
	Owner    string
	Epoch    int64
	Revision int64    // of the file; 0 in one that doesn't number itself
	Routes   []string // that are about the resource
	Writes   []string // those of them that take more than GET and HEAD
}

// LookupOwner reads who owns a resource from a gateway's file. The error names the
// resources that there are.
func LookupOwner(text []byte, resource string) (Ownership, error) {
	d, err := parse(text)
	if err != nil {
		return Ownership{}, err
	}
	n, err := d.resource(resource)
	if err != nil {
		return Ownership{}, err
	}
	o := Ownership{Owner: scalar(n, "owner")}
	if o.Epoch, err = number(n, "epoch"); err != nil {
		return o, fmt.Errorf("resources.%s: %w", resource, err)
	}
	if child(d.root, "revision") != nil {
		if o.Revision, err = number(d.root, "revision"); err != nil {
			return o, err
		}
	}
	if routes := child(d.root, "routes"); routes != nil {
		for _, item := range routes.Content {
			r := resolve(item)
			if scalar(r, "resource") != resource {
				continue
			}
			o.Routes = append(o.Routes, routeName(r))
			if !readsOnly(r) {
				o.Writes = append(o.Writes, routeName(r))
			}
		}
	}
	return o, nil
}

// readsOnly tells whether a route takes nothing that changes anything.
func readsOnly(route *yaml.Node) bool {
	list := child(child(route, "match"), "methods")
	if list == nil || len(list.Content) == 0 {
		return false
	}
	for _, m := range list.Content {
		if m.Value != "GET" && m.Value != "HEAD" {
			return false
		}
	}
	return true
}

// EditOwner changes who owns a resource, at which epoch, and the file's revision, and
// nothing else: every other byte stays.
func EditOwner(text []byte, resource, owner string, epoch, revision int64) ([]byte, error) {
	if _, err := LookupOwner(text, resource); err != nil {
		return nil, err
	}
	here := func(d *file) *yaml.Node {
		n, _ := d.resource(resource) // LookupOwner has found it
		return n
	}
	out, err := set(text, here, "owner", owner)
	if err != nil {
		return nil, err
	}
	if out, err = set(out, here, "epoch", strconv.FormatInt(epoch, 10)); err != nil {
		return nil, err
	}
	if out, err = set(out, func(d *file) *yaml.Node { return d.root }, "revision", strconv.FormatInt(revision, 10)); err != nil {
		return nil, err
	}
	got, err := LookupOwner(out, resource)
	if err != nil {
		return nil, fmt.Errorf("the edited file can't be read: %w; write owner, epoch and revision plainly", err)
	}
	if got.Owner != owner || got.Epoch != epoch || got.Revision != revision {
		return nil, fmt.Errorf("the edited file would say %s at %d, revision %d; write owner, epoch and revision plainly", got.Owner, got.Epoch, got.Revision)
	}
	return out, nil
}

// Resources lists what a gateway's file says has one owner, in its order.
func Resources(text []byte) ([]string, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	return d.resources(), nil
}

func (d *file) resources() []string {
	var names []string
	if all := child(d.root, "resources"); all != nil && all.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(all.Content); i += 2 {
			names = append(names, all.Content[i].Value)
		}
	}
	return names
}

func (d *file) resource(name string) (*yaml.Node, error) {
	if n := child(child(d.root, "resources"), name); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("there is no resource %q: the gateway's file has [%s]", name, strings.Join(d.resources(), ", "))
}

func number(n *yaml.Node, key string) (int64, error) {
	v, err := strconv.ParseInt(scalar(n, key), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, which is no whole number", key, scalar(n, key))
	}
	return v, nil
}
