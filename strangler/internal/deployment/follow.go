package deployment

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// FollowEntry returns a function that tells where users come in, also after
// another command has walked the run to another step. The function is safe for
// concurrent use.
func FollowEntry(path steps.Path, dir string) (func() string, error) {
	f := &follower{path: path, dir: dir}
	if err := f.look(); err != nil {
		return nil, err
	}
	return f.entry, nil
}

// lookEvery bounds how often the run's file is read.
const lookEvery = 50 * time.Millisecond

type follower struct {
	path steps.Path
	dir  string

	mu     sync.Mutex
	last   string
	looked time.Time
}

func (f *follower) entry() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) > lookEvery {
		_ = f.look() // a run that is gone keeps its last address, where nobody answers
	}
	return f.last
}

func (f *follower) look() error {
	f.looked = time.Now()
	state, err := readState(f.dir)
	if err != nil {
		return err
	}
	if state == nil {
		return fmt.Errorf("%w in %s: begin with `go run ./strangler up`, or give --url", ErrNoRun, filepath.Clean(f.dir))
	}
	r := &Run{path: f.path, state: state}
	if err := r.attach(); err != nil {
		return err
	}
	f.last = r.EntryURL()
	return nil
}
