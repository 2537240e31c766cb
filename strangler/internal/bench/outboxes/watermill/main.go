package main

import (
	"context"
	"fmt"
	"os"

	"banyan.dev/platform/outbox/outboxbench"
	"banyan.dev/platform/run"
)

func main() {
	run.Main(func(ctx context.Context) error {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		return outboxbench.Process{Self: []string{self}, Open: open}.Serve(ctx, os.Stdin, os.Stdout)
	})
}

func open(name string, p outboxbench.Place) (outboxbench.Subject, error) {
	all, err := readSettings()
	if err != nil {
		return outboxbench.Subject{}, err
	}
	s, known := all[name]
	if !known {
		return outboxbench.Subject{}, fmt.Errorf("%q is none of settings.yaml", name)
	}
	return contender{settings: s, place: p}.subject(name), nil
}
