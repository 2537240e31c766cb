package dataplane_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pattern is an endless body that tells where it was cut or shuffled: it counts.
type pattern struct {
	at    int64
	block [4096]byte
}

func (p *pattern) Read(b []byte) (n int, _ error) {
	const size = int64(len(p.block))
	for n < len(b) {
		if p.at%size == 0 {
			for i := 0; i < len(p.block); i += 8 {
				binary.LittleEndian.PutUint64(p.block[i:], uint64(p.at)+uint64(i))
			}
		}
		copied := copy(b[n:], p.block[p.at%size:])
		p.at += int64(copied)
		n += copied
	}
	return n, nil
}

// streamed is how much the test of streams sends each way, in bytes.
const streamed = "BANYAN_TEST_STREAM_BYTES"

func bigBody(t testing.TB) int64 {
	text, ok := os.LookupEnv(streamed)
	switch {
	case !ok && testing.Short():
		return 64 << 20
	case !ok:
		return 256 << 20
	}
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err, streamed)
	return n
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(t testing.TB, r io.Reader) string {
	h := crc32.New(castagnoli)
	n, err := io.Copy(h, r)
	require.NoError(t, err)
	return fmt.Sprintf("%d bytes, %x", n, h.Sum32())
}

// peak watches the heap while it runs.
func peak(t testing.TB, work func()) (grown uint64) {
	t.Helper()
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			runtime.ReadMemStats(&now)
			if now.HeapInuse > before.HeapInuse {
				grown = max(grown, now.HeapInuse-before.HeapInuse)
			}
		}
	}()
	work()
	close(stop)
	<-done
	return grown
}
