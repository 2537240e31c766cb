package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/steps"
)

// override writes the file that goes over docker-compose.yml for one container: of a
// replica, or without a name of a program that runs once.
func (c *containers) override(ctx context.Context, p steps.Process, name string) (string, error) {
	r := c.run
	s := service{replica: name}
	ports := r.state.Ports[name]
	switch {
	case p.Host():
		told, err := r.filledIn(ctx, p)
		if err != nil {
			return "", err
		}
		who := name
		if who == "" {
			who = p.Name + "-once"
		}
		s.image, s.environment = r.image(p, r.imageStep()), contract(told, who, r.state.Token)
		s.ports = []string{loopback(ports.Public) + ":8080", loopback(ports.Admin) + ":8081"}
	case p.Infrastructure == "mail":
		s.ports = []string{loopback(ports.Admin) + ":8025"}
	}
	if name == "" {
		s.ports, name = nil, p.Name+"-once"
	}
	if err := os.MkdirAll(r.folder.path("compose"), 0o700); err != nil {
		return "", fmt.Errorf("make a folder for what goes over docker-compose.yml: %w", err)
	}
	file := r.folder.path("compose", name+".yaml")
	return file, watch.Write(file, s.render(p.Name), 0o600) // it holds passwords
}

// imageStep is the step whose images are started now.
func (r *Run) imageStep() string {
	if name := r.reaching().Name; name != "" {
		return name
	}
	return r.path.Steps[0].Name
}

// contract is the process contract of a container, with what it is told besides.
func contract(told map[string]string, name, token string) map[string]string {
	env := map[string]string{}
	for key, value := range told {
		env[key] = value
	}
	for key, value := range map[string]string{
		"LISTEN_ADDR": "0.0.0.0:8080", "ADMIN_ADDR": "0.0.0.0:8081", "ADMIN_TOKEN": token, "REPLICA": name, "NAME": name,
	} {
		env[key] = value
	}
	return env
}

// service is what goes over a service of docker-compose.yml for one container.
type service struct {
	image       string
	environment map[string]string
	replica     string   // "" for what runs once
	ports       []string // none: nothing is published, whatever the service says
}

// render writes YAML whose texts are JSON's, which are YAML's too. Compose would take a
// $ for a variable.
func (s service) render(name string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by strangler for one container; it goes over docker-compose.yml.\nservices:\n  %s:\n", name)
	// A probe a second is for whoever waits on it, and each starts a process; the tool asks itself.
	fmt.Fprintf(&b, "    healthcheck: {interval: 30s}\n")
	if s.image != "" {
		fmt.Fprintf(&b, "    image: %s\n", quoted(s.image))
	}
	if s.replica != "" {
		fmt.Fprintf(&b, "    labels: {%s: %s}\n    networks: {default: {aliases: [%s]}}\n", replicaLabel, quoted(s.replica), quoted(s.replica))
	}
	if len(s.environment) > 0 {
		fmt.Fprintln(&b, "    environment:")
	}
	for _, key := range sortedKeys(s.environment) {
		fmt.Fprintf(&b, "      %s: %s\n", key, quoted(s.environment[key]))
	}
	var ports []string
	for _, p := range s.ports {
		ports = append(ports, quoted(p))
	}
	fmt.Fprintf(&b, "    ports: !override [%s]\n", strings.Join(ports, ", "))
	return []byte(b.String())
}

func quoted(text string) string {
	text = strings.ReplaceAll(text, "$", "$$")
	out, err := json.Marshal(text)
	if err != nil {
		return `""` // no text fails
	}
	return string(out)
}

// composeEnvironment is ours, without what would steer compose elsewhere, and with the
// run's own secrets in place of docker-compose.yml's defaults. The file describes its
// services at the last step; what differs before comes by the override.
func (r *Run) composeEnvironment(own []string) []string {
	var env []string
	for _, line := range own {
		if !strings.HasPrefix(line, "COMPOSE_") && !strings.HasPrefix(line, "BANYAN_") {
			env = append(env, line)
		}
	}
	s, last := r.state.Compose, r.path.Steps[len(r.path.Steps)-1].Name
	env = append(env,
		"COMPOSE_PROFILES="+last, "COMPOSE_IGNORE_ORPHANS=true", "BANYAN_STEP="+last,
		"BANYAN_ADMIN_TOKEN="+r.state.Token, "BANYAN_IDENTITY_KEY="+r.state.IdentityKey, "BANYAN_POSTGRES_PASSWORD="+s.Superuser,
		"BANYAN_SETTINGS_DIR="+r.sharedFolder(settingsName), "BANYAN_ROUTES_DIR="+r.sharedFolder(routesName),
		"BANYAN_DB_PASSWORD="+s.Passwords[firstDatabase])
	for _, name := range r.path.Databases() {
		env = append(env, "BANYAN_"+strings.ToUpper(name)+"_DB_PASSWORD="+s.Passwords[name])
	}
	return env
}

// composeFile tells whether this checkout has what the target is made of.
func (r *Run) composeFile() error {
	if _, err := os.Stat(filepath.Join(r.path.Root, "docker-compose.yml")); err != nil {
		return fmt.Errorf("--target %s: %w: run it in a checkout of the repository", Compose, err)
	}
	return nil
}
