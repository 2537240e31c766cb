package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const rightCompose = `
services:
  postgres: {image: "postgres:17-alpine", volumes: ["./deploy:/init:ro"]}
  monolith:
    image: banyan/monolith:${BANYAN_STEP}
    build: {context: ., dockerfile: deploy/Dockerfile}
    deploy: {replicas: 3}
    depends_on: {postgres: {condition: service_started}}
  gateway:
    image: banyan/gateway:${BANYAN_STEP}
    profiles: [02-b]
    ports: ["127.0.0.1:8080:8080"]
`

// composeRepository has one step, 02-b, that runs one database, three monoliths and a gateway.
func composeRepository(t *testing.T, file string) string {
	root := t.TempDir()
	write(t, root, "migration-steps/02-b/step.yaml", "runs: {postgres: 1, monolith: 3, gateway: 1}\n")
	write(t, root, "deploy/Dockerfile", "FROM scratch\n")
	write(t, root, ".env", "COMPOSE_PROFILES=${BANYAN_STEP},${BANYAN_WITH:-}\n")
	write(t, root, "docker-compose.yml", file)
	return root
}

func TestARightComposeFilePasses(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, compose(t.Context(), composeRepository(t, rightCompose), &out), "%s", &out)
	require.Contains(t, out.String(), "3 services: 0 findings")
}

func TestEachMistakeInAComposeFileIsFound(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no YAML":                             {"services:", "services: [", "compose:"},
		"a key that compose does not know":    {"    deploy: {replicas: 3}", "    replicaz: 3", "replicaz"},
		"a dependency that is not there":      {"postgres: {condition", "postgras: {condition", "postgras"},
		"a port beyond loopback":              {"127.0.0.1:8080:8080", "8080:8080", "ports: publishes 8080 beyond loopback"},
		"a mounted folder that is not there":  {"./deploy:/init", "./deploi:/init", "volumes:"},
		"an image of another step":            {"banyan/gateway:${BANYAN_STEP}", "banyan/gateway:01-a", "not tagged with the step"},
		"a Dockerfile that is not there":      {"deploy/Dockerfile", "deploy/Dockerfail", "build:"},
		"fewer replicas than the step has":    {"replicas: 3", "replicas: 2", "2 replicas, where step.yaml has 3"},
		"a profile that leaves a process out": {"[02-b]", "[03-c]", "step.yaml runs it, and docker-compose.yml does not"},
		"a host that the step does not run":   {"  gateway:", "  comments: {image: \"banyan/comments:02-b\"}\n  gateway:", "docker-compose.yml runs it, and step.yaml does not"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, rightCompose, c.old)
			var out bytes.Buffer
			err := compose(t.Context(), composeRepository(t, strings.Replace(rightCompose, c.old, c.new, 1)), &out)
			require.ErrorIs(t, err, errFound)
			require.Contains(t, out.String(), c.want)
		})
	}
}
