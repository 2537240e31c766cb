package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

// compose loads docker-compose.yml at every step, with the profiles and defaults of .env, as docker compose does.
func compose(ctx context.Context, root string, out io.Writer) error {
	steps, err := stepNames(root)
	if err != nil {
		return err
	}
	bad := 0
	for _, step := range steps {
		for _, with := range []string{"", "observability"} {
			project, err := loadCompose(ctx, root, step, with)
			var found []finding
			if err != nil {
				found = []finding{{check: "compose", text: err.Error()}}
			} else {
				found = judge(project, step)
				absent, err := absentees(root, step, project)
				if err != nil {
					return err
				}
				found = append(found, absent...)
			}
			fmt.Fprintf(out, "%-20s %-14s %s: %d findings\n", step, with, services(project), len(found))
			for _, f := range found {
				fmt.Fprintf(out, "  %s: %s\n", step, f)
			}
			bad += len(found)
		}
	}
	if bad > 0 {
		return errFound
	}
	return nil
}

func loadCompose(ctx context.Context, root, step, with string) (*types.Project, error) {
	options, err := cli.NewProjectOptions(nil,
		cli.WithWorkingDirectory(root),
		cli.WithEnv([]string{"BANYAN_STEP=" + step, "BANYAN_WITH=" + with}),
		cli.WithEnvFiles(),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithDefaultProfiles(),
	)
	if err != nil {
		return nil, fmt.Errorf("say how to load it: %w", err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("load it: %w", err)
	}
	return project, nil
}

func services(p *types.Project) string {
	if p == nil {
		return "not loaded"
	}
	return fmt.Sprintf("%d services", len(p.Services))
}

// judge checks what a compose file may say and this repository does not allow.
func judge(p *types.Project, step string) []finding {
	var found []finding
	for _, name := range p.ServiceNames() {
		service := p.Services[name]
		say := func(check, text string) { found = append(found, finding{"service/" + name, check, text}) }
		for _, port := range service.Ports {
			if port.Published != "" && port.HostIP != "127.0.0.1" {
				say("ports", "publishes "+port.Published+" beyond loopback, with the development secrets")
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				if _, err := os.Stat(volume.Source); err != nil {
					say("volumes", err.Error())
				}
			}
		}
		if host := ofHost(service.Image); host != "" && !strings.HasSuffix(service.Image, ":"+step) {
			say("image", service.Image+" is not tagged with the step, "+step)
		}
		if service.Build != nil {
			dockerfile := service.Build.Dockerfile
			if !filepath.IsAbs(dockerfile) {
				dockerfile = filepath.Join(service.Build.Context, dockerfile)
			}
			if _, err := os.Stat(dockerfile); err != nil {
				say("build", err.Error())
			}
		}
	}
	return found
}

// absentees are processes that a step runs or does not run, and that the profiles see otherwise.
func absentees(root, step string, p *types.Project) ([]finding, error) {
	text, err := os.ReadFile(filepath.Join(root, "migration-steps", step, "step.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read what the step runs: %w", err)
	}
	var told struct{ Runs map[string]int }
	if err := yaml.Unmarshal(text, &told); err != nil {
		return nil, fmt.Errorf("read %s/step.yaml: %w", step, err)
	}
	var found []finding
	for _, name := range slices.Sorted(maps.Keys(told.Runs)) {
		service, ok := p.Services[name]
		if !ok {
			found = append(found, finding{"service/" + name, "profiles", "step.yaml runs it, and docker-compose.yml does not"})
			continue
		}
		if slices.Contains(hosts, name) && service.GetScale() != told.Runs[name] {
			found = append(found, finding{"service/" + name, "replicas", fmt.Sprintf("%d replicas, where step.yaml has %d", service.GetScale(), told.Runs[name])})
		}
	}
	for _, host := range hosts {
		if _, ok := p.Services[host]; ok && told.Runs[host] == 0 {
			found = append(found, finding{"service/" + host, "profiles", "docker-compose.yml runs it, and step.yaml does not"})
		}
	}
	return found, nil
}

// ofHost is the host that an image of this repository holds, or nothing.
func ofHost(image string) string {
	name, _, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if strings.Contains(image, "/") && slices.Contains(hosts, name) {
		return name
	}
	return ""
}
