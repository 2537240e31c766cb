package deployment

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"banyan.dev/strangler/internal/steps"
)

// secret is so many letters and digits that nobody guesses, at most 52.
func secret(n int) string { return strings.ToLower(rand.Text() + rand.Text())[:n] }

// command is how the engine's client is run: with which environment, which file stays open
// as long as it runs, and whether what it says on stderr is part of what it prints.
type command struct {
	env   []string
	keeps *os.File
	both  bool
}

func asking() command { return command{env: os.Environ()} }

// docker runs a command of the engine's client and returns what it printed. Its own
// process group keeps Ctrl-C from it: a half-done change is ours to end.
func docker(ctx context.Context, how command, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = how.env
	if how.keeps != nil {
		cmd.ExtraFiles = []*os.File{how.keeps}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // its plugin too
	cmd.WaitDelay = patience
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if how.both {
		cmd.Stderr = &out
	}
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("docker is not in PATH: install Docker Engine with its compose plugin, or Docker Desktop (https://docs.docker.com/get-docker)")
	}
	if err != nil {
		return append(out.Bytes(), problems.Bytes()...), fmt.Errorf("docker %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, lastOf(problems.String(), 4))
	}
	return out.Bytes(), nil
}

func lastOf(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// oldestCompose knows !override.
var oldestCompose = [3]int{2, 24, 4}

// checkEngine finds out that docker and docker compose can be used.
func checkEngine(ctx context.Context) error {
	if out, err := docker(ctx, asking(), "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("no Docker engine answers: start it, or set DOCKER_HOST, or use --target %s: %w%s", Local, err, out)
	}
	out, err := docker(ctx, asking(), "compose", "version", "--short")
	if err != nil {
		return fmt.Errorf("docker compose does not work: install the compose plugin (https://docs.docker.com/compose/install): %w", err)
	}
	if version := strings.TrimSpace(string(out)); olderThan(version, oldestCompose) {
		return fmt.Errorf("docker compose is %s: version %d.%d.%d or newer is needed", version, oldestCompose[0], oldestCompose[1], oldestCompose[2])
	}
	return nil
}

var numbers = regexp.MustCompile(`(\d+)\.(\d+)\.(\d+)`)

// olderThan compares versions; one that can't be read is taken for new enough.
func olderThan(version string, oldest [3]int) bool {
	m := numbers.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	for i, want := range oldest {
		if is, err := strconv.Atoi(m[i+1]); err != nil || is != want {
			return err == nil && is < want
		}
	}
	return false
}

// prepare makes the images of all steps when the run begins: a step's name is one more
// tag on a host's image. Later only what is missing is made, so that between two steps
// no other program comes in.
func (c *compose) prepare(ctx context.Context, to int) error {
	r := c.run
	if err := checkEngine(ctx); err != nil {
		return err
	}
	if err := r.makeShared(); err != nil {
		return err
	}
	if r.state.Compose.Images == "" {
		if err := r.buildImages(ctx, to); err != nil {
			return err
		}
	}
	return r.checkRoutesIn(ctx, to)
}

func (r *Run) buildImages(ctx context.Context, to int) error {
	for _, p := range r.hostsOf() {
		_, err := docker(ctx, asking(), "image", "inspect", r.image(p, r.path.Steps[to].Name))
		if r.state.Compose.Built && err == nil {
			continue
		}
		if err := r.buildImage(ctx, p); err != nil {
			return err
		}
	}
	r.state.Compose.Built = true
	return r.save()
}

// checkRoutesIn lets the gateway's image check every gateway.yaml of the path, before
// anything is done by it.
func (r *Run) checkRoutesIn(ctx context.Context, to int) error {
	p, ok := validator(r.path)
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(r.path.Root, steps.Folder, "*", "gateway*.yaml"))
	if err != nil {
		return fmt.Errorf("look for the routes of the steps: %w", err)
	}
	folder := filepath.Join(r.path.Root, steps.Folder)
	args := append([]string{"run", "--rm", "--network", "none", "--volume", folder + ":/steps:ro", r.image(p, r.path.Steps[to].Name)}, p.Validate...)
	for _, file := range files {
		args = append(args, "/steps"+strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(folder)))
	}
	if out, err := docker(ctx, asking(), args...); err != nil {
		return fmt.Errorf("nothing was done: routes that the gateway would refuse: %w\n%s", err, out)
	}
	return nil
}

// hostsOf are the processes with an image, one for each program.
func (r *Run) hostsOf() []steps.Process {
	var hosts []steps.Process
	seen := map[string]bool{}
	for _, name := range sortedKeys(r.path.Processes) {
		if p := r.path.Processes[name]; p.Host() && r.everRuns(name) && !seen[p.Package] {
			seen[p.Package] = true
			hosts = append(hosts, p)
		}
	}
	return hosts
}

// image of a process at a step. It is called after the program.
func (r *Run) image(p steps.Process, step string) string {
	prefix := r.state.Compose.Images
	if prefix == "" {
		prefix = "banyan"
	}
	return prefix + "/" + filepath.Base(p.Package) + ":" + step
}

func (r *Run) buildImage(ctx context.Context, p steps.Process) error {
	r.progress("building the image of " + p.Name)
	args := []string{"build", "--quiet", "--file", filepath.Join(r.path.Root, "deploy", "docker", "Dockerfile"), "--build-arg", "HOST=" + filepath.Base(p.Package)}
	for _, s := range r.path.Steps {
		args = append(args, "--tag", r.image(p, s.Name))
	}
	out, err := docker(ctx, command{env: append(os.Environ(), "DOCKER_BUILDKIT=1")}, append(args, r.path.Root)...)
	if err != nil {
		return fmt.Errorf("build the image of %s: %w\n%s", p.Name, err, lastOf(string(out), 20))
	}
	return nil
}
