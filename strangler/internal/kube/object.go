package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Labels that every object of a step carries.
const (
	// ProcessLabel names the process in processes.yaml that an object belongs to.
	ProcessLabel = "banyan.dev/process"
	// PartLabel tells what an object is within its process: the Host itself, what it
	// migrates by, a database of its own.
	PartLabel = "banyan.dev/part"
	// EntryLabel marks Services by which users come in.
	EntryLabel = "banyan.dev/entry"
)

// Container is the name of a host's container.
const Container = "app"

// Parts of a process.
const (
	Host    = "host"
	Migrate = "migrate"
)

// Object is a Kubernetes object as it is applied.
type Object map[string]any

// Kind of the object, such as Deployment.
func (o Object) Kind() string { return text(o, "kind") }

// APIVersion of the object, such as apps/v1.
func (o Object) APIVersion() string { return text(o, "apiVersion") }

// Name of the object.
func (o Object) Name() string { return text(fields(o, "metadata"), "name") }

// Label of the object; empty when it has none of that name.
func (o Object) Label(name string) string { return text(fields(o, "metadata", "labels"), name) }

// Process that the object belongs to; empty for what all share.
func (o Object) Process() string { return o.Label(ProcessLabel) }

// Part of its process that the object is.
func (o Object) Part() string { return o.Label(PartLabel) }

// Ref names the object as kubectl does: deployment/monolith.
func (o Object) Ref() string { return strings.ToLower(o.Kind()) + "/" + o.Name() }

// Workload tells whether it runs pods that stay.
func (o Object) Workload() bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet"}, o.Kind())
}

// Keeps tells whether a workload has volumes that outlive its pods.
func (o Object) Keeps() bool {
	if claims, _ := fields(o, "spec")["volumeClaimTemplates"].([]any); len(claims) > 0 {
		return true
	}
	list, _ := fields(o.template(), "spec")["volumes"].([]any)
	for _, one := range list {
		if v, _ := one.(map[string]any); v["persistentVolumeClaim"] != nil {
			return true
		}
	}
	return false
}

// Clone is a copy that shares nothing with the object.
func (o Object) Clone() Object { return Object(cloneMap(o)) }

func cloneMap(m map[string]any) map[string]any {
	out := maps.Clone(m)
	for k, v := range out {
		out[k] = cloneValue(v)
	}
	return out
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cloneValue(v[i])
		}
		return out
	default:
		return v
	}
}

// fields goes down into mappings; nil where one is missing.
func fields(m map[string]any, path ...string) map[string]any {
	for _, p := range path {
		next, ok := m[p].(map[string]any)
		if !ok {
			return nil
		}
		m = next
	}
	return m
}

// makeFields goes down into mappings and makes those that are missing.
func makeFields(m map[string]any, path ...string) map[string]any {
	for _, p := range path {
		next, ok := m[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[p] = next
		}
		m = next
	}
	return m
}

func text(m map[string]any, field string) string {
	s, _ := m[field].(string)
	return s
}

// Pick returns the objects that all tests hold for.
func Pick(objects []Object, tests ...func(Object) bool) []Object {
	var picked []Object
	for _, o := range objects {
		if !slices.ContainsFunc(tests, func(holds func(Object) bool) bool { return !holds(o) }) {
			picked = append(picked, o)
		}
	}
	return picked
}

// OfProcess holds for the objects of one process.
func OfProcess(process string) func(Object) bool {
	return func(o Object) bool { return o.Process() == process }
}

// OfPart holds for one part of a process.
func OfPart(part string) func(Object) bool {
	return func(o Object) bool { return o.Part() == part }
}

// OfKind holds for objects of any of the kinds.
func OfKind(kinds ...string) func(Object) bool {
	return func(o Object) bool { return slices.Contains(kinds, o.Kind()) }
}

// Not turns a test round.
func Not(holds func(Object) bool) func(Object) bool {
	return func(o Object) bool { return !holds(o) }
}

// One is the only object that all tests hold for.
func One(objects []Object, what string, tests ...func(Object) bool) (Object, error) {
	picked := Pick(objects, tests...)
	if len(picked) != 1 {
		return nil, fmt.Errorf("%d objects are %s, and one is wanted: see the step's kustomization", len(picked), what)
	}
	return picked[0], nil
}
