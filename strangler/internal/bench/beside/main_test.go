package beside

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/bench/stand"
)

// TestMain is also the processes that a benchmark starts of the test's own binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == stand.Parent && os.Args[2] == stand.Command {
		if err := stand.Serve(context.Background(), os.Args[3], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
