package complaints

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// How bad a complaint is, in a log's words; a process that ended by itself says Panic.
const (
	Warn  = "WARN"
	Error = "ERROR"
	Panic = "PANIC"
)

// Complaint is what a process said, once or again and again.
type Complaint struct {
	Host string `json:"host"` // the process
	// Replicas of it that said so, by name.
	Replicas []string  `json:"replicas"`
	Level    string    `json:"level"`
	Message  string    `json:"message"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	// Example is what else the first line of them said, its error before all; empty if
	// none said anything else.
	Example string `json:"example,omitempty"`
}

// String is one line for people.
func (c Complaint) String() string {
	text := fmt.Sprintf("%-5s %s: %s", c.Level, strings.Join(c.Replicas, ", "), c.Message)
	if c.Example != "" {
		text += " (" + c.Example + ")"
	}
	first, last := c.First.Local().Format(clock), c.Last.Local().Format(clock)
	if c.Count == 1 {
		return text + ", at " + first
	}
	return text + fmt.Sprintf(", %d times, %s to %s", c.Count, first, last)
}

const clock = "15:04:05.000"

// Log gathers complaints of a span of time. It is used by one goroutine.
type Log struct {
	since, until time.Time
	secrets      []string
	found        map[key]*Complaint
}

type key struct{ host, level, message string }

// New gathers what was said from since to until, a zero until is without an end. What
// is in secrets is left out of every line.
func New(since, until time.Time, secrets ...string) *Log {
	known := slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < shortest })
	return &Log{since: since, until: until, secrets: known, found: map[key]*Complaint{}}
}

// shortest is a secret that would not be found in every word by chance.
const shortest = 6

func (l *Log) beyond(at time.Time) bool { return !l.until.IsZero() && at.After(l.until) }

func (l *Log) add(host, replica string, at time.Time, level, message, example string) {
	if at.Before(l.since) || l.beyond(at) {
		return
	}
	message, example = short(l.redact(message), longestMessage), short(l.redact(example), longestExample)
	k := key{host, level, message}
	c := l.found[k]
	if c == nil {
		c = &Complaint{Host: host, Level: level, Message: message, First: at, Last: at}
		l.found[k] = c
	}
	c.Count++
	if at.Before(c.First) || c.Example == "" {
		c.Example = cmp.Or(example, c.Example)
	}
	if at.Before(c.First) {
		c.First = at
	}
	if at.After(c.Last) {
		c.Last = at
	}
	if !slices.Contains(c.Replicas, replica) {
		c.Replicas = append(c.Replicas, replica)
		slices.Sort(c.Replicas)
	}
}

// Lines are cut in bytes, at a letter's end.
const (
	longestMessage = 200
	longestExample = 400
)

func short(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// inURL is the password of a URL, and named what follows the name of a secret.
var (
	inURL = regexp.MustCompile(`(://[^:@/\s"]*):[^@/\s"]+@`)
	named = regexp.MustCompile(`(?i)((?:password|passwd|secret|token|authorization|cookie|api_?key)["']?\s*[=:]\s*)(?:bearer\s+)?("[^"]*"|'[^']*'|[^\s,;&)]+)`)
)

const hidden = "[hidden]"

func (l *Log) redact(text string) string {
	for _, secret := range l.secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	text = inURL.ReplaceAllString(text, "$1:"+hidden+"@")
	return named.ReplaceAllString(text, "${1}"+hidden)
}

// Worst are at most n complaints: what ended processes first, then errors, then
// warnings, and of each kind what was said most often. more is how many there were
// besides.
func (l *Log) Worst(n int) (worst []Complaint, more int) {
	for _, c := range l.found {
		worst = append(worst, *c)
	}
	slices.SortFunc(worst, func(a, b Complaint) int {
		return cmp.Or(cmp.Compare(badness(b.Level), badness(a.Level)), cmp.Compare(b.Count, a.Count),
			a.First.Compare(b.First), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Message, b.Message))
	})
	more = max(0, len(worst)-n)
	return worst[:len(worst)-more], more
}

func badness(level string) int { return slices.Index([]string{Warn, Error, Panic}, level) }
