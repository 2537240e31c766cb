package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"banyan.dev/strangler/internal/bench/stand"
)

// The contenders. Canary and Shadow are the gateway with another configuration.
const (
	Nginx        = "nginx"
	HAProxy      = "haproxy"
	Caddy        = "caddy"
	ReverseProxy = "reverseproxy"
	Untuned      = "reverseproxy-untuned"
	Gateway      = "gateway"
	Canary       = "gateway-canary"
	Shadow       = "gateway-shadow"
)

// Contender is a program with a configuration that can be started.
type Contender struct {
	Name    string
	program string // its path
	file    string // the configuration's name; "" without one
	text    string // a template over Setting, unless render makes the configuration
	render  func(Setting) (string, error)
	check   func(file string) []string // arguments that check the file before; nil: none
	args    func(s Setting, file string) []string
	env     func(Setting) []string
	version []string // arguments that tell its version; nil: none
	// watchesInput says that it ends when its standard input does.
	watchesInput bool
}

// Names are what one may choose from, in the order in which results are shown.
func Names() []string { return []string{Nginx, HAProxy, Caddy, ReverseProxy, Untuned, Gateway} }

// Find looks a contender of Names up. ok is false when it isn't installed. self is
// how this tool's binary is started, gateway the gateway's binary.
func Find(name string, self []string, gatewayBinary string) (c Contender, ok bool) {
	switch name {
	case ReverseProxy:
		return reverseProxy(name, stand.ReverseProxy, self), true
	case Untuned:
		return reverseProxy(name, stand.Untuned, self), true
	case Gateway, Canary, Shadow:
		return gateway(name, gatewayBinary), true
	}
	program := lookUp(name)
	return map[string]func(string) Contender{Nginx: nginx, HAProxy: haproxy, Caddy: caddy}[name](program), program != ""
}

// lookUp also finds what distributions keep out of a user's PATH.
func lookUp(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// Render is the contender's configuration; "" when arguments are all it has.
func (c Contender) Render(s Setting) (string, error) {
	if c.render != nil {
		return c.render(s)
	}
	return render(c.text, s)
}

func render(text string, view any) (string, error) {
	t, err := template.New("configuration").Parse(text)
	if err != nil {
		return "", fmt.Errorf("read the template: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, view); err != nil {
		return "", fmt.Errorf("render the configuration: %w", err)
	}
	return b.String(), nil
}

// Port of the address.
func (s Setting) Port() (string, error) {
	_, port, err := net.SplitHostPort(s.Address)
	return port, err
}

// Version is the first line of what the program says of itself; "" if it says
// nothing.
func (c Contender) Version(ctx context.Context) string {
	if c.version == nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, c.program, c.version...).CombinedOutput()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

// write puts the configuration into the setting's folder, and has it checked.
func (c Contender) write(ctx context.Context, s Setting) (file string, err error) {
	if c.file == "" {
		return "", nil
	}
	text, err := c.Render(s)
	if err != nil {
		return "", err
	}
	file = filepath.Join(s.Dir, c.file)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	if c.check == nil {
		return file, nil
	}
	if out, err := exec.CommandContext(ctx, c.program, c.check(file)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("it refuses its configuration (%w):\n%s", err, strings.TrimSpace(string(out)))
	}
	return file, nil
}
