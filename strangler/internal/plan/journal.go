package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Journal is what was done, one JSON line for each event, on the disk before the
// tool goes on. From it the tool knows which step it is at and what it was about
// to do when it was cut off. It is used by one goroutine of one process: the run
// folder's lock sees to that.
type Journal struct {
	file *os.File
	at   string // the step that was reached last
	walk *Walk  // the walk that is open
	done int    // its actions that are done
}

// entry is one line. What stands in it depends on the event.
type entry struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Step   string    `json:"step,omitempty"`
	Walk   *Walk     `json:"walk,omitempty"`
	Action int       `json:"action,omitempty"` // from 1, so that it is never left out
	What   string    `json:"what,omitempty"`
	Error  string    `json:"error,omitempty"`
}

const (
	eventAt     = "at"     // the run is at a step, whole
	eventWalk   = "walk"   // a walk begins
	eventBegun  = "begun"  // an action begins
	eventDone   = "done"   // an action is done
	eventFailed = "failed" // an action failed
)

// OpenJournal opens or begins the journal at path. A last line that a crash cut in
// half is dropped: what it would have told had not happened yet.
func OpenJournal(path string) (*Journal, error) {
	j, whole, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if err := j.cutTo(whole); err != nil {
		_ = j.file.Close()
		return nil, err
	}
	return j, nil
}

// ReadJournal reads the journal without being able to write it: another process
// may be at work.
func ReadJournal(path string) (*Journal, error) {
	j, _, err := readJournal(path)
	return j, err
}

// readJournal replays the whole lines, and says how many bytes they are.
func readJournal(path string) (*Journal, int64, error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("read the journal: %w", err)
	}
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	j := &Journal{}
	for i, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: no entry of a journal: %w: remove the run with down", path, i+1, err)
		}
		j.replay(e)
	}
	return j, int64(len(whole)), nil
}

func (j *Journal) cutTo(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return fmt.Errorf("cut the journal's torn line: %w", err)
	}
	if _, err := j.file.Seek(size, 0); err != nil {
		return fmt.Errorf("go to the journal's end: %w", err)
	}
	return nil
}

func (j *Journal) replay(e entry) {
	switch e.Event {
	case eventAt:
		j.at, j.walk, j.done = e.Step, nil, 0
	case eventWalk:
		j.walk, j.done = e.Walk, 0
	case eventDone:
		j.done = e.Action
	}
}

// note writes an entry and takes it in, in this order: what is not on the disk has
// not happened.
func (j *Journal) note(e entry) error {
	e.Time = time.Now().UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.replay(e)
	return nil
}

// At is the step that was reached last; empty before the first. While a walk is
// open the run is somewhere between.
func (j *Journal) At() string { return j.at }

// Open is the walk that has not ended, and how many of its actions are done.
func (j *Journal) Open() (walk Walk, done int, open bool) {
	if j.walk == nil {
		return Walk{}, 0, false
	}
	return *j.walk, j.done, true
}

// Arrive notes that the run is at a step.
func (j *Journal) Arrive(step string) error { return j.note(entry{Event: eventAt, Step: step}) }

// Begin opens a walk. One that was open is given up: its opposite begins where it
// was, since every action is idempotent.
func (j *Journal) Begin(w Walk) error {
	return j.note(entry{Event: eventWalk, Walk: &w, What: w.Title()})
}

// Begun notes that action i is about to be done.
func (j *Journal) Begun(i int) error {
	return j.note(entry{Event: eventBegun, Action: i + 1, What: j.walk.Actions[i].String()})
}

// Done notes that action i is done.
func (j *Journal) Done(i int) error {
	return j.note(entry{Event: eventDone, Action: i + 1, What: j.walk.Actions[i].String()})
}

// Failed notes that action i failed. It will be done again.
func (j *Journal) Failed(i int, why error) error {
	return j.note(entry{Event: eventFailed, Action: i + 1, What: j.walk.Actions[i].String(), Error: why.Error()})
}

// End closes the walk: the run is at its end.
func (j *Journal) End() error { return j.Arrive(j.walk.To) }

// Close closes the file.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil // it was only read
	}
	return j.file.Close()
}
