package beside

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"

	"banyan.dev/strangler/internal/bench/peers"
)

// stage is what one run has: its folder, the application, and who takes part.
type stage struct {
	Config
	dir     string
	gateway string // its binary
	files   int
	user    string
	app     *peers.Process
	report  Report
}

// Run measures, writes the table, and ends all that it started, also when it fails
// or ctx ends. It fails rather than report a contender that failed a request under
// plain load.
func Run(ctx context.Context, config Config) (err error) {
	if err := config.validate(); err != nil {
		return err
	}
	s := &stage{Config: config}
	// Of each connection a proxy has two.
	needed := max(config.Idle, 2*config.Connections) + 500
	if s.files, err = raiseFiles(2*needed, needed); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "banyan-bench-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if err := s.measure(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // what an interruption broke is no news
		}
		return err
	}
	return s.report.write(config.Out, config.JSON)
}

func (s *stage) measure(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer s.app.Stop()
	for _, part := range []func(context.Context) error{s.load, s.idle, s.reload, s.stream} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	s.report.Goals = goals(s.report)
	return nil
}

// prepare builds the gateway and starts the application.
func (s *stage) prepare(ctx context.Context) (err error) {
	s.report = Report{
		What: "GET of a small JSON document over kept connections, closed loop", Processors: runtime.NumCPU(),
		Connections: s.Connections, Rounds: s.Rounds, Seconds: s.Duration.Seconds(), Rate: s.Rate, Body: s.Body,
	}
	if s.user, err = asRoot(); err != nil {
		return err
	}
	if s.wants(peers.Gateway) {
		s.Say("building the gateway")
		s.gateway = filepath.Join(s.dir, "gateway")
		if err := build(ctx, s.Root, "./gateway", s.gateway); err != nil {
			return err
		}
	}
	addresses, err := peers.Addresses(5)
	if err != nil {
		return err
	}
	setting := peers.Setting{Address: addresses[4], App: addresses[:2], Next: addresses[2:4], Streams: addresses[4]}
	s.app, err = peers.Start(ctx, peers.Application(s.Self), setting, s.dir)
	return err
}

// asRoot is whom nginx runs its workers as when root starts it: they must enter
// root's folders. Anybody else's workers are anybody else.
func asRoot() (string, error) {
	if os.Getuid() != 0 {
		return "", nil
	}
	group, err := user.LookupGroupId("0")
	if err != nil {
		return "", fmt.Errorf("find root's group: %w", err)
	}
	return "root " + group.Name, nil
}

func build(ctx context.Context, root, source, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, source)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("go is not in PATH: install Go 1.26 or newer (https://go.dev/dl) or add its bin folder to PATH")
	}
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", source, err, out.String())
	}
	return nil
}

// contenders are those that are asked for and installed; it notes the others.
func (s *stage) contenders() []peers.Contender {
	var found []peers.Contender
	for _, name := range peers.Names() {
		if !s.wants(name) {
			continue
		}
		c, ok := peers.Find(name, s.Self, s.gateway)
		if !ok {
			s.report.LeftOut = append(s.report.LeftOut, name+" is not installed")
			continue
		}
		found = append(found, c)
	}
	return found
}

// room is how many clients' connections a contender must be able to take.
func room(c Config) int { return max(c.Idle, c.Connections) + 500 }

// start starts a contender in front of the application, at an address of its own.
func (s *stage) start(ctx context.Context, c peers.Contender) (*peers.Process, error) {
	addresses, err := peers.Addresses(2)
	if err != nil {
		return nil, err
	}
	app := s.app.Setting
	return peers.Start(ctx, c, peers.Setting{
		Address: addresses[0], Admin: addresses[1], Token: rand.Text(),
		App: app.App, Next: app.Next, Streams: app.Streams,
		Connections: room(s.Config), Keep: peers.KeepFor(s.Connections),
		Processors: runtime.NumCPU(), Files: s.files, User: s.user,
	}, s.dir)
}

// ShowConfigs writes the configuration of every contender to config.Out, with other
// addresses than a run has.
func ShowConfigs(config Config) error {
	setting := peers.Example(room(config), peers.KeepFor(config.Connections), runtime.NumCPU())
	for _, name := range append(peers.Names(), peers.Canary, peers.Shadow) {
		c, _ := peers.Find(name, []string{"strangler"}, "gateway") // installed or not
		text, err := c.Render(setting)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if text == "" {
			text = "its settings are code: strangler/internal/bench/stand/proxy.go\n"
		}
		if _, err := fmt.Fprintf(config.Out, "# %s\n\n%s\n", name, strings.TrimRight(text, "\n")+"\n"); err != nil {
			return fmt.Errorf("write the configurations: %w", err)
		}
	}
	return nil
}
