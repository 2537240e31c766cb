package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded"
)

// TestAKilledProcessLeavesNoServerBehind runs this test binary once more as the
// process that is killed.
func TestAKilledProcessLeavesNoServerBehind(t *testing.T) {
	const marker = "BANYAN_TEST_START_POSTGRES"
	if os.Getenv(marker) != "" {
		pg, err := embedded.StartPostgres(context.Background(), embedded.PostgresConfig{})
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println("pid", pg.PID())
		select {}
	}
	tmp := folder(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), marker+"=yes", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "pid "))
	require.NoError(t, err, line)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(tmp)
		return err == nil && len(left) == 0 && !alive(pid)
	}, 10*time.Second, 50*time.Millisecond, "the guard must end the server and remove its folder")
}

// alive counts a zombie as gone: who adopts it in a container may never reap it.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
