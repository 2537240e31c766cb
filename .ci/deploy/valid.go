package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/yannh/kubeconform/pkg/validator"
)

// validate checks every object against the schemas of all releases, fields that no schema has included, and says how many are valid.
func (s *schemas) validate(ctx context.Context, dir string, text []byte) (int, []finding, error) {
	if err := s.prepare(ctx, text); err != nil {
		return 0, nil, err
	}
	var found []finding
	fewest := -1
	for _, release := range releases {
		checker, err := validator.New([]string{
			s.dir + "/{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json",
			s.dir + "/crds-{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json",
		}, validator.Opts{KubernetesVersion: release, Strict: true})
		if err != nil {
			return 0, nil, fmt.Errorf("make the checker for %s: %w", release, err)
		}
		valid := 0
		for _, result := range checker.ValidateWithContext(ctx, dir+".yaml", io.NopCloser(bytes.NewReader(text))) {
			switch result.Status {
			case validator.Valid:
				valid++
			case validator.Empty:
			default:
				found = append(found, invalid(release, result))
			}
		}
		if fewest < 0 || valid < fewest {
			fewest = valid
		}
	}
	return fewest, found, nil
}

func invalid(release string, result validator.Result) finding {
	object := ""
	if signature, err := result.Resource.Signature(); err == nil {
		object = signature.Kind + "/" + signature.Name
	}
	text := fmt.Sprintf("Kubernetes %s: %v", release, result.Err)
	for _, wrong := range result.ValidationErrors {
		text += fmt.Sprintf("; %s: %s", wrong.Path, wrong.Msg)
	}
	return finding{object, "schema", text}
}

// prepare writes the schemas that these objects need.
func (s *schemas) prepare(ctx context.Context, text []byte) error {
	for _, release := range releases {
		if err := s.release(ctx, release); err != nil {
			return err
		}
	}
	for line := range strings.Lines(string(text)) {
		version, ok := strings.CutPrefix(line, "apiVersion: ")
		if !ok {
			continue
		}
		group, _, _ := strings.Cut(strings.TrimSpace(version), "/")
		if err := s.group(ctx, group); err != nil {
			return err
		}
	}
	return nil
}
