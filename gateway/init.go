package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/gateway/internal/config"
)

// starterText is the file that init writes: all that a team needs, in the order in
// which it needs it, with what comes later switched off. A test switches it on.
//
//go:embed starter.yaml
var starterText string

// starter is what init fills in.
type starter struct {
	Name, URL           string // the application that is there
	Service, ServiceURL string // the first service beside it
}

func initCommand() *cobra.Command {
	var owners []string
	c := &cobra.Command{
		Use: "init [FILE]", Short: "Writes a commented configuration to begin with", Args: cobra.MaximumNArgs(1),
		Long: "Writes a configuration that sends everything to your application, and explains what comes later. It never\n" +
			"overwrites a file. Without FILE it writes to the standard output.",
		Example: "  gateway init gateway.yaml\n  gateway init --owner shop=http://127.0.0.1:3000 --owner catalog=http://127.0.0.1:3001 gateway.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := starterFile(owners)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return printStarter(cmd.OutOrStdout(), cmd.ErrOrStderr(), text)
			}
			return writeStarter(cmd.OutOrStdout(), args[0], text)
		},
	}
	c.Flags().StringArrayVar(&owners, "owner", nil,
		"your application as name=url (default monolith=http://127.0.0.1:8080); a second one is the first service beside it")
	return c
}

// starterFile fills in who the owners are.
func starterFile(owners []string) ([]byte, error) {
	s := starter{"monolith", "http://127.0.0.1:8080", "catalog", "http://127.0.0.1:8090"}
	if len(owners) > 2 {
		return nil, fmt.Errorf("--owner is given %d times: name your application and at most one service; add others in the file", len(owners))
	}
	for i, into := range [][2]*string{{&s.Name, &s.URL}, {&s.Service, &s.ServiceURL}}[:len(owners)] {
		name, url, ok := strings.Cut(owners[i], "=")
		if !ok || !config.IsName(name) {
			return nil, fmt.Errorf("--owner %q is no owner; write name=url, as in monolith=http://127.0.0.1:8080", owners[i])
		}
		if err := checkOwner(name, url); err != nil {
			return nil, fmt.Errorf("--owner %q: %w", owners[i], err)
		}
		*into[0], *into[1] = name, url
	}
	if s.Name == s.Service {
		return nil, fmt.Errorf("--owner %s: application and service need different names", s.Name)
	}
	fill := strings.NewReplacer("[[.Name]]", s.Name, "[[.URL]]", s.URL, "[[.Service]]", s.Service, "[[.ServiceURL]]", s.ServiceURL)
	return []byte(fill.Replace(starterText)), nil
}

// checkOwner lets the parser judge name and URL as the starter file uses them.
func checkOwner(name, url string) error {
	_, err := config.Parse("flag", fmt.Appendf(nil, "owners:\n  %[1]s:\n    address: %[2]s\nroutes: [{owner: %[1]s, match: {path: \"/%[1]s/{id}\"}}]\n", name, url))
	var problems config.Errors
	if errors.As(err, &problems) {
		return errors.New(problems[0].Detail)
	}
	return err
}

func printStarter(out, hints io.Writer, text []byte) error {
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("init: write the file: %w", err)
	}
	return next(hints, "gateway.yaml")
}

func writeStarter(out io.Writer, file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("init: %s is there already, and stays as it is; name another file", file)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("init: write %s: %w", file, err)
	}
	fmt.Fprintf(out, "%s is written: everything goes to your application.\n", file)
	return next(out, file)
}

// next says what to do with the file.
func next(out io.Writer, file string) error {
	_, err := fmt.Fprintf(out, `Next:
  gateway schema > %s   # editors complete and explain the file
  gateway validate %s
  CONFIG_FILE=%s gateway   # serves on http://127.0.0.1:8000; the page is http://127.0.0.1:8001/_strangler/
`, filepath.Join(filepath.Dir(file), "gateway.schema.json"), file, file)
	return err
}
