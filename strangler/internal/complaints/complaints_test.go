package complaints_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/complaints"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// said is a host's line, so many seconds after noon.
func said(after int, level, message, more string) string {
	return fmt.Sprintf(`{"time":%q,"level":%q,"msg":%q,"host":"monolith"%s}`+"\n", noon.Add(time.Duration(after)*time.Second).Format(time.RFC3339Nano), level, message, more)
}

func read(t *testing.T, l *complaints.Log, host, replica string, lines ...string) {
	t.Helper()
	require.NoError(t, l.Read(host, replica, strings.NewReader(strings.Join(lines, ""))))
}

func TestWhatAHostSaysAgainAndAgainIsOneLineAndTheWorstComesFirst(t *testing.T) {
	l := complaints.New(noon, noon.Add(time.Minute))
	read(t, l, "monolith", "monolith-0",
		said(-1, "ERROR", "before it", ""),
		said(1, "WARN", "user cache failed", `,"error":"no Redis"`),
		said(2, "WARN", "user cache failed", `,"error":"no Redis yet"`),
		said(3, "INFO", "request", `,"status":200`),
		said(4, "ERROR", "events are not published; they wait", `,"topic":"comments","partition":3,"error":"no leader","trace":"4bf9"`),
		said(61, "ERROR", "after it", ""))
	read(t, l, "monolith", "monolith-1", said(5, "WARN", "user cache failed", ""), "not of a host\n")
	worst, more := l.Worst(10)
	require.Zero(t, more)
	require.Len(t, worst, 2)
	require.Equal(t, complaints.Complaint{Host: "monolith", Replicas: []string{"monolith-0"}, Level: "ERROR", Count: 1,
		Message: "events are not published; they wait", First: noon.Add(4 * time.Second), Last: noon.Add(4 * time.Second),
		Example: "error: no leader, partition=3, topic=comments"}, worst[0])
	require.Equal(t, 3, worst[1].Count)
	require.Equal(t, []string{"monolith-0", "monolith-1"}, worst[1].Replicas)
	require.Equal(t, "error: no Redis", worst[1].Example)
	require.Contains(t, worst[1].String(), "WARN  monolith-0, monolith-1: user cache failed (error: no Redis), 3 times, ")

	worst, more = l.Worst(1)
	require.Equal(t, "ERROR", worst[0].Level)
	require.Equal(t, 1, more)
}

func TestAProcessThatEndedByItselfIsTheWorst(t *testing.T) {
	l := complaints.New(noon, time.Time{})
	read(t, l, "comments", "comments-0", said(1, "ERROR", "x", ""), said(2, "ERROR", "x", ""), "panic: assignment to entry in nil map\n", "goroutine 1 [running]:\n")
	read(t, l, "gateway", "gateway-0", "error: CONFIG_FILE: no such file\n")
	worst, _ := l.Worst(10)
	require.Equal(t, "panic:", worst[0].Message)
	require.Equal(t, "assignment to entry in nil map", worst[0].Example)
	require.Equal(t, noon.Add(2*time.Second), worst[0].First, "that of the line before")
	require.Equal(t, "error:", worst[2].Message)
	require.Equal(t, noon, worst[2].First)
}

func TestAProcessThatWasSilentBeforeItEndedIsHeard(t *testing.T) {
	l := complaints.New(noon, noon.Add(time.Minute))
	read(t, l, "gateway", "gateway-0", said(-3600, "INFO", "serving", ""), "fatal error: out of memory\n", "goroutine 1 [running]:\n")
	read(t, l, "comments", "comments-0", said(-3600, "INFO", "serving", ""), "panic: nil map\n", "{\"msg\":\"no time\"}\n", said(7, "INFO", "serving", ""))
	read(t, l, "monolith", "monolith-0", said(-3600, "INFO", "serving", ""), "error: long ago\n", said(-3000, "INFO", "serving", ""))
	read(t, l, "monolith", "monolith-1", said(5, "INFO", "serving", ""), "panic: in it\n", said(90, "INFO", "serving", ""), "panic: after it\n", said(95, "INFO", "serving", ""))
	worst, _ := l.Worst(10)
	require.Len(t, worst, 3)
	require.Equal(t, "fatal error:", worst[0].Message)
	require.Equal(t, "out of memory", worst[0].Example)
	require.Equal(t, noon, worst[0].First, "nothing came after it: the beginning of the span")
	require.Equal(t, "in it", worst[1].Example)
	require.Equal(t, noon.Add(5*time.Second), worst[1].First, "the line after it is beyond the span: that of the line before")
	require.Equal(t, "nil map", worst[2].Example)
	require.Equal(t, noon.Add(7*time.Second), worst[2].First, "that of the line after it")
}

func TestPostgreSQLComplainsInItsOwnWords(t *testing.T) {
	l := complaints.New(noon, time.Time{})
	read(t, l, "postgres", "postgres",
		"2026-05-04 12:00:01.123 UTC [71] LOG:  checkpoint starting: time\n",
		"2026-05-04 12:00:02.500 UTC [72] FATAL:  sorry, too many clients already\n",
		"2026-05-04 12:00:03 UTC [73] app@blog ERROR:  deadlock detected\n",
		"2026-05-04 11:59:59.000 UTC [74] ERROR:  before it\n")
	worst, _ := l.Worst(10)
	require.Len(t, worst, 2)
	require.Equal(t, "sorry, too many clients already", worst[0].Message)
	require.Equal(t, noon.Add(2500*time.Millisecond), worst[0].First.UTC())
	require.Equal(t, "deadlock detected", worst[1].Message)
}

func TestSecretsAreNeverShown(t *testing.T) {
	l := complaints.New(noon, time.Time{}, "ABCDEFGHIJKLMNOP", "")
	read(t, l, "monolith", "monolith-0",
		said(1, "ERROR", "one", `,"error":"dial postgres://blog:hunter22@db:5432/blog: refused"`),
		said(2, "ERROR", "two", `,"header":"Bearer ABCDEFGHIJKLMNOP"`),
		said(3, "ERROR", "three", `,"error":"password=hunter22 token: \"hunter22\" Authorization: Bearer hunter22","session_token":"hunter22"`))
	worst, _ := l.Worst(10)
	require.Len(t, worst, 3)
	for _, c := range worst {
		require.NotContains(t, c.String(), "hunter22")
		require.NotContains(t, c.String(), "ABCDEFGHIJKLMNOP")
		require.Contains(t, c.String(), "[hidden]")
	}
	require.Contains(t, worst[0].Example, "postgres://blog:[hidden]@db:5432/blog: refused")
}

func TestLongLinesAreCut(t *testing.T) {
	l := complaints.New(noon, time.Time{})
	read(t, l, "monolith", "monolith-0", said(1, "WARN", "long", `,"error":"`+strings.Repeat("ä", 3000)+`"`),
		strings.Repeat("x", 200<<10)+"\n", said(2, "WARN", "after it", ""))
	worst, _ := l.Worst(10)
	require.Len(t, worst, 2)
	require.Less(t, len(worst[0].Example), 500)
	require.Equal(t, "after it", worst[1].Message)
}
