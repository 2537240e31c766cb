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
// skipped. Go's runtime gives no time: its lines have that of the next line which has
// one. Where none follows, or one beyond the span, they have that of the line before,
// or the beginning of the span if that is later: a process that was silent for an hour
// may have died just now.
func (l *Log) Read(host, replica string, log io.Reader) error {
	lines := bufio.NewReaderSize(log, longestLine)
	r := reading{log: l, host: host, replica: replica, at: l.since}
	defer r.end()
	for {
		line, rest, err := lines.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", replica, err)
		}
		r.line(bytes.TrimSpace(line))
		for rest && err == nil {
			_, rest, err = lines.ReadLine()
		}
	}
}

// reading is how far a replica's log was read.
type reading struct {
	log           *Log
	host, replica string
	at            time.Time // of the last line that had one
	untimed       []words   // what came after it
}

type words struct{ level, message, example string }

func (r *reading) line(line []byte) {
	if bytes.HasPrefix(line, []byte("{")) {
		r.json(line)
		return
	}
	text := string(line)
	if m := postgres.FindStringSubmatch(text); m != nil {
		at, err := time.Parse("2006-01-02 15:04:05.999 MST", m[1])
		if err != nil {
			at = r.at
		}
		r.timed(at, words{ofPostgres[m[2]], m[3], ""})
		return
	}
	for prefix, level := range lastWords {
		if after, is := strings.CutPrefix(text, prefix); is {
			r.untimed = append(r.untimed, words{level, strings.TrimSpace(prefix), after})
		}
	}
}

// timed takes a line with a time; without a level it is no complaint.
func (r *reading) timed(at time.Time, w words) {
	if r.log.beyond(at) {
		r.end()
	} else {
		r.settle(at)
	}
	r.at = at
	if w.level != "" {
		r.log.add(r.host, r.replica, at, w.level, w.message, w.example)
	}
}

// end settles what no line within the span follows.
func (r *reading) end() {
	at := r.at
	if at.Before(r.log.since) {
		at = r.log.since
	}
	r.settle(at)
}

func (r *reading) settle(at time.Time) {
	for _, w := range r.untimed {
		r.log.add(r.host, r.replica, at, w.level, w.message, w.example)
	}
	r.untimed = nil
}

// lastWords are how a Go program ends that does not end as it should.
var lastWords = map[string]string{"panic: ": Panic, "fatal error: ": Panic, "error: ": Error}

// postgres is a line of the server's log, as its own default writes it.
var postgres = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \w+) .*?([A-Z]+\d?): {1,2}(.*)$`)

var ofPostgres = map[string]string{"WARNING": Warn, "ERROR": Error, "FATAL": Error, "PANIC": Panic}

// unsaid are attributes that a line has anyway, or that mean something to a machine.
var unsaid = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, "host", "trace", "request", "stack"}

func (r *reading) json(line []byte) {
	var head struct {
		Time    time.Time  `json:"time"`
		Level   slog.Level `json:"level"`
		Message string     `json:"msg"`
	}
	switch {
	case json.Unmarshal(line, &head) != nil || head.Time.IsZero():
	case head.Level < slog.LevelWarn:
		r.timed(head.Time, words{})
	case head.Level < slog.LevelError:
		r.timed(head.Time, words{Warn, head.Message, example(line)})
	default:
		r.timed(head.Time, words{Error, head.Message, example(line)})
	}
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
