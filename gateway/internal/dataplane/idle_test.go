//go:build unix

package dataplane_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// idleClients tells the process of the clients where to connect, and how often.
const idleClients = "BANYAN_TEST_IDLE_CLIENTS"

// TestIdleClients is the clients' half of TestIdleConnectionsCostLittle, in a
// process of its own: what it holds doesn't count as the gateway's, and the limit on
// open files is per process.
func TestIdleClients(t *testing.T) {
	addr, count, ok := strings.Cut(os.Getenv(idleClients), " ")
	if !ok {
		t.Skip("runs within TestIdleConnectionsCostLittle")
	}
	n, err := strconv.Atoi(count)
	require.NoError(t, err)
	conns := make([]net.Conn, n)
	ask := func(conn net.Conn) {
		_, err := io.WriteString(conn, get+"Cookie: "+strings.Repeat("a=b; ", 100)+"\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
	}
	for i := range conns {
		conns[i], err = net.Dial("tcp", addr)
		require.NoError(t, err)
		ask(conns[i])
	}
	fmt.Println("idle")
	in := bufio.NewReader(os.Stdin)
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	for _, conn := range conns {
		ask(conn)
		require.NoError(t, conn.Close())
	}
}

// memory is what the process holds for data and stacks after a clean-up.
func memory() uint64 {
	runtime.GC()
	runtime.GC() // stacks shrink by half at each
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// The connections are all used, lie idle, and are used again.
func TestIdleConnectionsCostLittle(t *testing.T) {
	const most = 12 << 10 // bytes for each
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	if files := fileLimit(t); files < uint64(n)+200 {
		t.Skipf("%d files may be open here, %d are needed: raise ulimit -n", files, n+200)
	}
	r := newRig(t, oneOwner("", owner(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }).URL))
	r.get(t, "/") // what is made once is there
	r.client.CloseIdleConnections()
	before := memory()

	clients := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestIdleClients$", "-test.count=1")
	clients.Env = append(os.Environ(), idleClients+"="+fmt.Sprintf("%s %d", r.addr, n))
	clients.Stderr = os.Stderr
	orders, err := clients.StdinPipe()
	require.NoError(t, err)
	reports, err := clients.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, clients.Start())
	out := bufio.NewReader(reports)
	text, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "idle\n", text)
	require.Eventually(t, func() bool { return r.server.Parked() == n }, 2*wait, 10*time.Millisecond)

	each := float64(int64(memory())-int64(before)) / float64(n)
	t.Logf("%d idle connections: %.0f bytes each", n, each)
	require.Less(t, each, float64(most))

	_, err = io.WriteString(orders, "again\n")
	require.NoError(t, err)
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, clients.Wait(), string(rest))
	require.Eventually(t, func() bool { return r.server.Open() == 0 }, wait, time.Millisecond)
}

// fileLimit raises the limit on open files as far as it may be.
func fileLimit(t *testing.T) uint64 {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	return limit.Cur
}
