package outboxes

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the processes that the tests start of their own binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == Parent && os.Args[2] == Command {
		if err := Serve(context.Background(), []string{os.Args[0]}); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
