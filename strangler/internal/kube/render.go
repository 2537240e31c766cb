package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Render renders the kustomization in dir and returns its objects, in the namespace of
// the cluster if that is named. Nothing is asked of the cluster.
func (c Cluster) Render(ctx context.Context, dir string) ([]Object, error) {
	if c.Namespace != "" {
		over, remove, err := overlay(dir, c.Namespace)
		if err != nil {
			return nil, fmt.Errorf("render %s in namespace %s: %w", dir, c.Namespace, err)
		}
		defer remove()
		dir = over
	}
	out, err := Cluster{Program: c.Program}.run(ctx, nil, "kustomize", dir)
	if err != nil {
		return nil, err
	}
	objects, err := Split(out)
	if err != nil {
		return nil, fmt.Errorf("what kubectl kustomize %s wrote: %w", dir, err)
	}
	return objects, nil
}

// overlay is a kustomization of our own over dir that puts all in a namespace: only
// kustomize knows which of the objects have one, and which fields refer to it.
func overlay(dir, namespace string) (over string, remove func(), err error) {
	over, err = os.MkdirTemp("", "banyan-kustomize-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(over) }
	base, err := relative(over, dir)
	if err == nil {
		var text []byte
		text, err = yaml.Marshal(map[string]any{"namespace": namespace, "resources": []string{base}})
		if err == nil {
			err = os.WriteFile(filepath.Join(over, "kustomization.yaml"), text, 0o644)
		}
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return over, remove, nil
}

// relative is the way from one folder to another; kustomize takes no absolute one, and
// follows links before it goes up.
func relative(from, to string) (string, error) {
	for _, p := range []*string{&from, &to} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return "", err
		}
		if *p, err = filepath.EvalSymlinks(abs); err != nil {
			return "", err
		}
	}
	return filepath.Rel(from, to)
}

// Split reads YAML documents, each of them an object.
func Split(content []byte) ([]Object, error) {
	var objects []Object
	for d := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var fields map[string]any // a named type would be that of the nested ones too
		err := d.Decode(&fields)
		o := Object(fields)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d is no YAML: %w", len(objects)+1, err)
		}
		if len(o) == 0 {
			continue
		}
		if o.Kind() == "" || o.Name() == "" {
			return nil, fmt.Errorf("document %d has no kind or no metadata.name: it is no object", len(objects)+1)
		}
		objects = append(objects, o)
	}
}
