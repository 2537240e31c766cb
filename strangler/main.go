// The strangler walks the blog from step to step: it starts what a step runs,
// moves a living system forward and back, and proves with traffic that nobody
// noticed. `go run ./strangler tour` shows all of it.
package main

import (
	"context"
	"os"

	"banyan.dev/platform/run"
	"banyan.dev/strangler/internal/command"
)

func main() {
	run.Main(func(ctx context.Context) error {
		return command.Execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	})
}
