package outboxes

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The module is not of the workspace: its libraries are downloaded and compiled when
// somebody compares, and never else.
const (
	watermillFolder = "strangler/internal/bench/outboxes/watermill"
	settingsFile    = "settings.yaml"
)

// gather finds who takes part, and builds watermill if it does. Where its libraries
// can't be downloaded it is left out, unless it was asked for by name.
func (s *stage) gather(ctx context.Context) error {
	var binary, version string
	for _, name := range Names() {
		if !s.wants(name) {
			continue
		}
		if name == Outbox {
			s.contenders = append(s.contenders, &contender{name: name, program: process(s.Self)})
			continue
		}
		if binary == "" {
			s.Say("building watermill")
			var err error
			if binary, err = buildWatermill(ctx, s.Root, s.dir); err != nil {
				return s.without(ctx, err)
			}
			version = versionOf(binary)
		}
		s.contenders = append(s.contenders, &contender{name: name, program: []string{binary}, version: version})
	}
	return nil
}

func (s *stage) without(ctx context.Context, err error) error {
	if len(s.Only) > 0 || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	s.Say(err.Error())
	s.leftOut = append(s.leftOut, "watermill: it can't be built here")
	return nil
}

func buildWatermill(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "watermill")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	cmd.Dir, cmd.Env = filepath.Join(root, watermillFolder), append(os.Environ(), "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("go is not in PATH: install Go 1.26 or newer (https://go.dev/dl) or add its bin folder to PATH")
	}
	if err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", watermillFolder, err, strings.TrimSpace(out.String()))
	}
	return binary, nil
}

// versionOf names the versions of watermill's modules and its Kafka client.
func versionOf(binary string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return ""
	}
	var found []string
	for _, dep := range info.Deps {
		for _, of := range []string{"github.com/ThreeDotsLabs/", "github.com/IBM/sarama"} {
			if strings.HasPrefix(dep.Path, of) {
				found = append(found, strings.TrimPrefix(dep.Path, "github.com/ThreeDotsLabs/")+" "+dep.Version)
			}
		}
	}
	return strings.ReplaceAll(strings.Join(found, ", "), "github.com/", "")
}

// ShowConfigs writes what each contender is told to config.Out, and why.
func ShowConfigs(config Config) error {
	settings, err := os.ReadFile(filepath.Join(config.Root, watermillFolder, settingsFile))
	if err != nil {
		return fmt.Errorf("read watermill's settings: %w", err)
	}
	_, err = fmt.Fprintf(config.Out, "# %s\n\n%s\n# watermill\n\n%s", Outbox, ownSettings, settings)
	if err != nil {
		return fmt.Errorf("write the configurations: %w", err)
	}
	return nil
}

const ownSettings = `As hosts run it, nothing is set: batches of up to 500 events of a partition, woken by a
NOTIFY after the commit (one for many commits) and by itself about every 500 ms; acks
of all replicas; marks that don't wait for the disk. It is code: relay.go and
notifier.go in platform/outbox, and own.go in outboxbench below it.
`
