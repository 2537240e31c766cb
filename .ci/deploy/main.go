package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

// errFound says that a check found something; what, has been printed.
var errFound = errors.New("not all of it holds")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("deploy", flag.ContinueOnError)
	flags.SetOutput(out)
	root := flags.String("root", ".", "the repository")
	cache := flags.String("cache", filepath.Join(os.TempDir(), "banyan-schemas"), "where schemas are kept")
	kubeScore := flags.String("kube-score", "kube-score", "the program kube-score")
	if len(args) == 0 {
		return errors.New("say what to do: manifests, compose or render")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	switch args[0] {
	case "manifests":
		return manifests(ctx, *root, *cache, *kubeScore, out)
	case "compose":
		return compose(ctx, *root, out)
	case "render":
		text, err := render(*root, flags.Arg(0))
		if err == nil {
			_, err = out.Write(text)
		}
		return err
	}
	return fmt.Errorf("no such check: %s; there are manifests, compose and render", args[0])
}

// finding is one thing that does not hold.
type finding struct {
	object string // "Deployment/gateway", or "" for the whole composition
	check  string
	text   string
}

func (f finding) String() string {
	if f.object == "" {
		return f.check + ": " + f.text
	}
	return f.object + ": " + f.check + ": " + f.text
}
