package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// schemas keeps JSON schemas in a folder, written once from the API's own description and from custom resources' definitions.
// Both come as Go modules, from wherever this machine gets modules. Safe for use by several goroutines.
type schemas struct {
	dir string
	mu  sync.Mutex
}

func newSchemas(dir string) *schemas { return &schemas{dir: dir} }

// definitions says in which module a group's custom resources are defined, and where in it. Only those that are used are fetched.
var definitions = map[string]struct{ module, folder string }{
	"gateway.networking.k8s.io": {"sigs.k8s.io/gateway-api@v1.6.0", "config/crd/standard"},
	"external-secrets.io":       {"github.com/external-secrets/external-secrets@v1.3.2", "config/crds/bases"},
	"keda.sh":                   {"github.com/kedacore/keda/v2@v2.21.0", "config/crd/bases"},
	"argoproj.io":               {"github.com/argoproj/argo-cd/v3@v3.1.0", "manifests/crds"},
}

// release makes sure that the schemas of a release of Kubernetes are there.
func (s *schemas) release(ctx context.Context, version string) error {
	return s.once("v"+version+"-standalone-strict", func(dir string) error {
		module, err := download(ctx, "k8s.io/kubernetes@v"+version)
		if err != nil {
			return err
		}
		return writeRelease(filepath.Join(module, "api", "openapi-spec", "swagger.json"), dir)
	})
}

// group makes sure that the schemas of a group of custom resources are there, if it is one that is known here.
func (s *schemas) group(ctx context.Context, group string) error {
	from, ok := definitions[group]
	if !ok {
		return nil
	}
	return s.once("crds-"+group, func(dir string) error {
		module, err := download(ctx, from.module)
		if err != nil {
			return err
		}
		return filepath.WalkDir(filepath.Join(module, from.folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			return writeDefinitions(path, group, dir)
		})
	})
}

// once fills a folder under another name and renames it at the end: a run that was cut off leaves none behind that looks whole.
func (s *schemas) once(name string, fill func(dir string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := filepath.Join(s.dir, name)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for schemas: %w", err)
	}
	half, err := os.MkdirTemp(s.dir, ".half-")
	if err != nil {
		return fmt.Errorf("make a folder for schemas: %w", err)
	}
	if err := errors.Join(fill(half), os.Rename(half, dir)); err != nil {
		return errors.Join(fmt.Errorf("write the schemas %s: %w", name, err), os.RemoveAll(half), os.RemoveAll(dir))
	}
	return nil
}

// download fetches a module into Go's own cache and says where it is.
func download(ctx context.Context, module string) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	command.Dir = os.TempDir() // no module of ours
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var complaints bytes.Buffer
	command.Stderr = &complaints
	answer, err := command.Output()
	var told struct{ Dir, Error string }
	if wrong := json.Unmarshal(answer, &told); wrong != nil || told.Dir == "" {
		return "", fmt.Errorf("download %s: %w: %s", module, errors.Join(err, wrong), strings.TrimSpace(told.Error+complaints.String()))
	}
	return told.Dir, nil
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write a schema: %w", err)
	}
	return nil
}
