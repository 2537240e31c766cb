package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/gateway/internal/config"
)

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE...", Short: "Checks configurations; - is the standard input", Args: cobra.MinimumNArgs(1),
		Long: "Checks configurations and says what is in them. Every problem of every file is told, a line each: file, line,\n" +
			"field, what is wrong, and the mend. The exit status is 0 when all are valid; what is valid and hardly meant so is\n" +
			"told as a warning. - is the standard input.",
		Example: "  gateway validate gateway.yaml\n  kubectl get configmap gateway -o 'jsonpath={.data.gateway\\.yaml}' | gateway validate -",
		RunE: func(cmd *cobra.Command, args []string) error {
			return validate(args, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// validate goes through all the files, whatever is wrong with one of them.
func validate(files []string, stdin io.Reader, out io.Writer) error {
	var failures []error
	for _, file := range files {
		c, err := readConfig(file, stdin)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if _, err := io.WriteString(out, inventory(file, c)+warnings(c)); err != nil {
			return fmt.Errorf("validate %s: write what was found: %w", file, err)
		}
	}
	return errors.Join(failures...)
}

// readConfig reads and checks one file, or the standard input for -.
func readConfig(file string, stdin io.Reader) (*config.Config, error) {
	if file == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return config.Parse(stdinName, text)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return config.Parse(file, text)
}

// stdinName stands for the standard input in what is printed.
const stdinName = "stdin"

// inventory is what a file says, in a line each: owners, routes, policies.
func inventory(file string, c *config.Config) string {
	if file == "-" {
		file = stdinName
	}
	numbered := "without a revision"
	if c.Revision > 0 {
		numbered = fmt.Sprintf("revision %d", c.Revision)
	}
	owners, routes, policies := []string{}, []string{}, []string{}
	for _, o := range c.Owners {
		owners = append(owners, ownerLine(o))
	}
	if l := c.Clients.RateLimit; l != nil {
		policies = append(policies, "every route: "+limitLine(l))
	}
	for _, r := range c.Routes {
		routes = append(routes, r.Name)
		for _, p := range routePolicies(r) {
			policies = append(policies, r.Name+": "+p)
		}
	}
	if len(policies) == 0 {
		policies = append(policies, "none beyond the defaults")
	}
	return fmt.Sprintf("%s is valid, %s\n  %-9s %s\n%s  %-9s %s\n  %-9s %s\n", file, numbered,
		counted(len(owners), "owner"), strings.Join(owners, ", "), moving(c),
		counted(len(routes), "route"), strings.Join(routes, ", "), "policies", strings.Join(policies, "; "))
}

// warnings are what a file hardly means, a line each.
func warnings(c *config.Config) string {
	var b strings.Builder
	for _, doubt := range c.Doubts() {
		fmt.Fprintf(&b, "  warning   %s\n", doubt)
	}
	return b.String()
}

// moving is who has what, and who says who asks; "" where nothing moves.
func moving(c *config.Config) string {
	var b strings.Builder
	for i, has := range c.Resources {
		if i == 0 {
			fmt.Fprintf(&b, "  %-9s ", counted(len(c.Resources), "resource"))
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (of %s, epoch %d)", has.Name, has.Owner, has.Epoch)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	if c.Identity != nil {
		fmt.Fprintf(&b, "  %-9s %s says who asks; the gateway needs IDENTITY_KEY\n", "identity", c.Identity.Owner)
	}
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// ownerLine is an owner with where it is and what protects it.
func ownerLine(o config.Owner) string {
	about := []string{counted(len(o.Replicas), "replica")}
	if o.Address != nil {
		about[0] = o.Address.String()
	}
	for _, has := range []struct {
		what string
		is   bool
	}{{"told who asks", o.Identity}, {"affinity", o.Affinity != nil}, {"breaker", o.Breaker != nil}, {"outliers", o.Outliers != nil}} {
		if has.is {
			about = append(about, has.what)
		}
	}
	if o.MaxInFlight > 0 {
		about = append(about, fmt.Sprintf("at most %d in flight", o.MaxInFlight))
	}
	return fmt.Sprintf("%s (%s)", o.Name, strings.Join(about, ", "))
}

// routePolicies are the policies that a route has beyond the defaults.
func routePolicies(r config.Route) []string {
	var p []string
	if r.Resource != "" {
		p = append(p, "where "+r.Resource+" is")
	}
	if c := r.Canary; c != nil {
		p = append(p, fmt.Sprintf("canary %s to %s by %s", percent(c.Share), c.Owner, c.By))
	}
	if s := r.Shadow; s != nil {
		p = append(p, fmt.Sprintf("shadow %s to %s", percent(s.Sample), s.Owner))
	}
	if r.Resting.Canary != nil {
		p = append(p, "a canary that rests")
	}
	if r.Resting.Shadow != nil {
		p = append(p, "a shadow that rests")
	}
	if r.MaxBody > 0 {
		p = append(p, "bodies up to "+size(r.MaxBody))
	}
	if r.RateLimit != nil {
		p = append(p, limitLine(r.RateLimit))
	}
	return p
}

func limitLine(l *config.RateLimit) string {
	return fmt.Sprintf("limit of %d per %s, bursts of %d, by %s", l.Requests, l.Per, l.Burst, l.By)
}

// percent writes hundredths of a percent as the file does.
func percent(hundredths int) string {
	s := fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " %"
}

// size writes bytes as the file does.
func size(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", bytes/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}
