package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Manager owns the fields that the tool sets (server-side apply).
const Manager = "banyan-strangler"

// Apply makes the objects be as they are given, by server-side apply: what others set
// in other fields stays. Somebody who holds one of our fields loses it: the step says
// what it is. Applied twice it does nothing more.
func (c Cluster) Apply(ctx context.Context, objects ...Object) error {
	if len(objects) == 0 {
		return nil
	}
	list, err := listOf(objects)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, list, "apply", "--server-side", "--force-conflicts", "--field-manager", Manager, "-f", "-")
	return err
}

// listOf is the objects as one document.
func listOf(objects []Object) ([]byte, error) {
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		return nil, fmt.Errorf("write the objects: %w", err)
	}
	return text, nil
}

// Delete removes objects, and returns when they are gone; what is not there is no error.
func (c Cluster) Delete(ctx context.Context, objects ...Object) error {
	if len(objects) == 0 {
		return nil
	}
	refs := make([]string, len(objects))
	for i, o := range objects {
		refs[i] = o.Resource() + "/" + o.Name()
	}
	_, err := c.runWithin(ctx, workWithin, nil, append([]string{"delete", "--ignore-not-found", "--wait"}, refs...)...)
	return err
}

// Resource is the object's kind with its group, which tells apart kinds of one name.
func (o Object) Resource() string {
	group, _, grouped := strings.Cut(o.APIVersion(), "/")
	if !grouped {
		return strings.ToLower(o.Kind())
	}
	_, version, _ := strings.Cut(o.APIVersion(), "/")
	return strings.ToLower(o.Kind()) + "." + version + "." + group
}

// DeleteAll removes all objects of these kinds that a selector finds.
func (c Cluster) DeleteAll(ctx context.Context, selector string, kinds ...string) error {
	_, err := c.runWithin(ctx, workWithin, nil, "delete", strings.Join(kinds, ","), "--selector", selector, "--ignore-not-found", "--wait")
	return err
}

// CurrentContext of the kubeconfig.
func (c Cluster) CurrentContext(ctx context.Context) (string, error) {
	if err := (Cluster{Program: c.Program}).hasContext(ctx); err != nil {
		return "", err
	}
	out, err := Cluster{Program: c.Program}.run(ctx, nil, "config", "current-context")
	return strings.TrimSpace(string(out)), err
}

// Get reads one object; a missing one is an error for which NotFound holds.
func (c Cluster) Get(ctx context.Context, kind, name string) (Object, error) {
	var o Object
	err := c.get(ctx, &o, "get", kind, name)
	return o, err
}

// List reads the objects of a kind that a selector finds.
func (c Cluster) List(ctx context.Context, kind, selector string) ([]Object, error) {
	var list struct {
		Items []Object `json:"items"`
	}
	err := c.get(ctx, &list, "get", kind, "--selector", selector)
	return list.Items, err
}

// Scale sets a workload's replicas and nothing else: its pods stay as they are.
func (c Cluster) Scale(ctx context.Context, workload string, replicas int) error {
	_, err := c.run(ctx, nil, "scale", workload, fmt.Sprintf("--replicas=%d", replicas))
	return err
}

// Secret reads a Secret's keys, decoded.
func (c Cluster) Secret(ctx context.Context, name string) (map[string]string, error) {
	var s struct {
		Data map[string][]byte `json:"data"`
	}
	if err := c.get(ctx, &s, "get", "secret", name); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for key, value := range s.Data {
		values[key] = string(value)
	}
	return values, nil
}
