package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(built)
		os.Exit(status)
	}))
}

// root is the repository, seen from this package.
const root = "../../.."

// built is where this test process puts the hosts' binaries.
var built = filepath.Join(os.TempDir(), fmt.Sprintf("banyan-acceptance-%d", os.Getpid()))

// builds builds each host, once per test process and only when a test asks for it.
var builds = map[string]func() error{"monolith": builder("monolith"), "gateway": builder("gateway")}

func builder(host string) func() error {
	return sync.OnceValue(func() error {
		compile := exec.Command("go", "build", "-o", filepath.Join(built, host), ".")
		compile.Dir = filepath.Join(root, host) // its own module: with and without the workspace
		if out, err := compile.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", host, err, out)
		}
		return nil
	})
}

func binary(t testing.TB, host string) string {
	t.Helper()
	require.NoError(t, builds[host]())
	return filepath.Join(built, host)
}

// address is a free one on loopback.
func address(t testing.TB) string {
	t.Helper()
	port, err := embedded.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// runs starts a host and returns when its admin port says that it is ready. When the
// test ends, it is asked to end and has to do so with status 0.
func runs(t testing.TB, host, admin string, env ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), host+".log"))
	require.NoError(t, err)
	cmd := exec.Command(binary(t, host))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ADMIN_ADDR=" + admin}, env...)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		end(t, host, cmd, ended)
		if t.Failed() {
			t.Logf("%s ended its log with:\n%s", host, lastLines(log.Name(), 15))
		}
		_ = log.Close()
	})
	awaitReady(t, host, admin, ended)
}

func awaitReady(t testing.TB, host, admin string, ended chan error) {
	t.Helper()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended before it was ready: %v", host, err)
		case <-deadline:
			t.Fatalf("%s was not ready within 30 s", host)
		case <-tick.C:
		}
		response, err := client.Get("http://" + admin + "/readyz")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
}

func end(t testing.TB, host string, cmd *exec.Cmd, ended chan error) {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("ask %s to end: %v", host, err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%s ended with %v", host, err)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Errorf("%s did not end within 20 s of SIGTERM", host)
		<-ended
	}
}

// once runs a host's subcommand to its end.
func once(ctx context.Context, program string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return nil
}

func lastLines(file string, n int) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
