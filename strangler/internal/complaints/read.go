package complaints

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// longestLine is how much of a line is read; no host writes a longer one, and what a
// panic prints is in many.
const longestLine = 64 << 10

// Read takes a replica's log, of whose process host is the name. Lines are those of our
// hosts (slog as JSON), of PostgreSQL and of Go's runtime; what is none of these is
// skipped. A line without a time has that of the line before it, or where that has none
// the beginning of the span.
func (l *Log) Read(host, replica string, log io.Reader) error {
	lines := bufio.NewReaderSize(log, longestLine)
	at := l.since
	for {
		line, rest, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", replica, err)
		}
		at = l.line(host, replica, bytes.TrimSpace(line), at)
		for rest && err == nil {
			_, rest, err = lines.ReadLine()
		}
	}
}

// line returns the time of the line, or before.
func (l *Log) line(host, replica string, line []byte, before time.Time) time.Time {
	if bytes.HasPrefix(line, []byte("{")) {
		return l.json(host, replica, line, before)
	}
	text := string(line)
	if m := postgres.FindStringSubmatch(text); m != nil {
		at, err := time.Parse("2006-01-02 15:04:05.999 MST", m[1])
		if err != nil {
			at = before
		}
		if level := ofPostgres[m[2]]; level != "" {
			l.add(host, replica, at, level, m[3], "")
		}
		return at
	}
	for prefix, level := range lastWords {
		if after, is := strings.CutPrefix(text, prefix); is {
			message := strings.TrimSpace(strings.TrimSuffix(prefix, " "))
			l.add(host, replica, before, level, message, after)
		}
	}
	return before
}

// lastWords are how a Go program ends that does not end as it should.
var lastWords = map[string]string{"panic: ": Panic, "fatal error: ": Panic, "error: ": Error}

// postgres is a line of the server's log, as its own default writes it.
var postgres = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \w+) .*?([A-Z]+\d?): {1,2}(.*)$`)

var ofPostgres = map[string]string{"WARNING": Warn, "ERROR": Error, "FATAL": Error, "PANIC": Panic}

// unsaid are attributes that a line has anyway, or that mean something to a machine.
var unsaid = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, "host", "trace", "request", "stack"}

func (l *Log) json(host, replica string, line []byte, before time.Time) time.Time {
	var head struct {
		Time    time.Time  `json:"time"`
		Level   slog.Level `json:"level"`
		Message string     `json:"msg"`
	}
	if json.Unmarshal(line, &head) != nil || head.Time.IsZero() {
		return before
	}
	if head.Level < slog.LevelWarn {
		return head.Time
	}
	level := Warn
	if head.Level >= slog.LevelError {
		level = Error
	}
	l.add(host, replica, head.Time, level, head.Message, example(line))
	return head.Time
}

// example is what a line says beside its message.
func example(line []byte) string {
	var all map[string]any
	if json.Unmarshal(line, &all) != nil {
		return ""
	}
	var said []string
	if why, is := all["error"]; is {
		said = append(said, fmt.Sprintf("error: %v", why))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name != "error" && !slices.Contains(unsaid, name) {
			said = append(said, name+"="+value(all[name]))
		}
	}
	return strings.Join(said, ", ")
}

func value(v any) string {
	if text, is := v.(string); is {
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
