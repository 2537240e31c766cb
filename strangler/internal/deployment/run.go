package deployment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// Run is a run of the path on its target, while this command works on it. It is used by
// one goroutine, except for EntryURL and what says otherwise.
type Run struct {
	path     steps.Path
	folder   *folder
	state    *State
	journal  *plan.Journal
	client   *http.Client
	progress func(string)
	on       orchestrator // the run's target
	// bringingUp is the step, while there are no users yet who could be signed out.
	bringingUp string

	ramped     ramp.Outcome     // the last one
	held       *held            // what is held now
	waited     *Waited          // what the last hold was like
	handedOver *Handed          // the last hand-over
	faults     map[string]fault // planted, by replica
	// between are those planted for one process only, by its name and the replica's.
	between map[string]map[string]fault
}

// Options are what a new run is begun with.
type Options struct {
	Owner    string // up or tour
	Target   Target // the zero value is Local
	External External
	Posts    int   // in the blog at the start
	Seed     int64 // makes them repeatable
}

var (
	// ErrNoRun: nothing was brought up in this folder.
	ErrNoRun = errors.New("nothing is up")
	// ErrRunning: something was, and has not been taken down.
	ErrRunning = errors.New("a run is up already")
)

// Create begins a run in dir. What a crashed tour left there is cleaned up first;
// a run that somebody brought up is not touched: that is ErrRunning.
func Create(ctx context.Context, path steps.Path, dir string, o Options, progress func(string)) (*Run, error) {
	dir, err := claimFolder(dir)
	if err != nil {
		return nil, err
	}
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	r, err := create(ctx, path, f, o, progress)
	if err != nil {
		f.unlock()
		return nil, err
	}
	return r, nil
}

func create(ctx context.Context, path steps.Path, f *folder, o Options, progress func(string)) (*Run, error) {
	old, err := readState(f.dir)
	if err != nil {
		return nil, err
	}
	r := &Run{path: path, folder: f, client: newClient(), progress: progress, state: old}
	if old != nil {
		if old.Kept || old.Owner != "tour" {
			return nil, fmt.Errorf("%w in %s: end it with `go run ./strangler down`, or give --run-dir", ErrRunning, f.dir)
		}
		progress("cleaning up what a tour that crashed left behind")
		if err := r.attach(); err != nil {
			return nil, err
		}
		if err := r.on.end(ctx); err != nil {
			return nil, err
		}
	}
	if err := f.clear(); err != nil {
		return nil, err
	}
	if err := r.begin(ctx, o); err != nil {
		return nil, errors.Join(err, r.abandon())
	}
	return r, nil
}

// begin writes what a new run consists of before anything is started.
func (r *Run) begin(ctx context.Context, o Options) (err error) {
	if err := os.MkdirAll(r.folder.path(logsName), 0o755); err != nil {
		return fmt.Errorf("make the folder of the logs: %w", err)
	}
	r.state = &State{
		Owner: o.Owner, Target: o.Target, Created: time.Now().UTC(), Token: rand.Text(), IdentityKey: rand.Text() + rand.Text(), External: o.External, Filling: Filling{Posts: o.Posts, Seed: o.Seed},
		Ports: map[string]Ports{}, Processes: map[string]*Instance{},
		Settings: Settings{Store: "memory", Generation: firstGeneration(time.Now()), UserCache: "off"},
	}
	if err := r.beginOn(); err != nil {
		return err
	}
	if err := r.choosePorts(); err != nil {
		return err
	}
	if r.journal, err = plan.OpenJournal(r.folder.path("journal.jsonl")); err != nil {
		return err
	}
	return r.writeSettings(ctx, nil)
}

// firstGeneration is one that no run before had: a Redis that the user runs keeps
// the keys of the last run. The settings' generation is a 32-bit number, which
// seconds since 1970 fill in 2038; from then on it begins again.
func firstGeneration(now time.Time) int { return int(now.Unix() % (1<<31 - 1<<20)) }

// abandon removes a run that could not begin.
func (r *Run) abandon() error {
	var err error
	if r.journal != nil {
		err = r.journal.Close()
	}
	return errors.Join(err, r.folder.remove())
}

// choosePorts gives infrastructure its addresses before anything starts: the
// settings file names Redis from the first step on.
func (r *Run) choosePorts() error {
	for _, name := range sortedKeys(r.path.Processes) {
		if _, err := r.ports(replicaName(r.path.Processes[name], 0)); err != nil {
			return err
		}
	}
	if port := r.state.External.Port; port != 0 {
		if err := free(port); err != nil {
			return fmt.Errorf("port %d can't be listened on (%w): choose another with --port, or 0 for a free one", port, err)
		}
		for _, name := range sortedKeys(r.path.Processes) {
			if p := r.path.Processes[name]; p.Reads("gateway.file") {
				first := replicaName(p, 0)
				r.state.Ports[first] = Ports{Public: port, Admin: r.state.Ports[first].Admin}
			}
		}
	}
	return nil
}

// Open opens the run in dir for work.
func Open(path steps.Path, dir string, progress func(string)) (*Run, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, fmt.Errorf("%w in %s: begin with `go run ./strangler up`", ErrNoRun, dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("resolve the run folder: %w", err)
	}
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{path: path, folder: f, client: newClient(), progress: progress}
	if r.state, err = readState(f.dir); err == nil && r.state == nil {
		err = fmt.Errorf("%w in %s: it was taken down just now", ErrNoRun, dir)
	}
	if err == nil {
		err = r.attach()
	}
	if err == nil {
		r.journal, err = plan.OpenJournal(f.path("journal.jsonl"))
	}
	if err != nil {
		f.unlock()
		return nil, err
	}
	return r, nil
}

// Look opens the run in dir for reading, without its lock: another command may be
// at work on it. Only what does not change the run may be called on it.
func Look(path steps.Path, dir string) (*Run, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, fmt.Errorf("%w in %s: begin with `go run ./strangler up`", ErrNoRun, dir)
	}
	journal, err := plan.ReadJournal(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return nil, err
	}
	r := &Run{path: path, folder: &folder{dir: dir}, client: newClient(), state: state, journal: journal, progress: func(string) {}}
	return r, r.attach()
}

// Journal of the run.
func (r *Run) Journal() *plan.Journal { return r.journal }

// Dir is the run's folder.
func (r *Run) Dir() string { return r.folder.dir }

// Keep says that the run is to be left running.
func (r *Run) Keep() error {
	r.state.Kept = true
	return r.save()
}

// Close leaves the processes running and frees the run for the next command. What
// this command holds is released: nobody else would.
func (r *Run) Close() error {
	err := r.LetGo()
	r.client.CloseIdleConnections()
	err = errors.Join(err, r.on.close())
	err = errors.Join(err, r.journal.Close())
	r.folder.unlock()
	return err
}

// Down ends every process and removes the folder.
func (r *Run) Down(ctx context.Context) error { return r.down(ctx, r.folder.remove) }

// DownButLogs ends every process and removes everything but the logs, which are in the
// folder that it returns. The next run in the run's folder, or Forget, removes them.
func (r *Run) DownButLogs(ctx context.Context) (logs string, err error) {
	err = r.down(ctx, func() error { return r.folder.clear(logsName) })
	return r.folder.path(logsName), err
}

func (r *Run) down(ctx context.Context, remove func() error) error {
	_ = r.LetGo() // whoever waits learns the end by the gateway's
	err := r.on.end(ctx)
	r.client.CloseIdleConnections()
	err = errors.Join(err, r.on.close())
	if r.journal != nil {
		err = errors.Join(err, r.journal.Close())
	}
	if err == nil {
		err = remove()
	}
	r.folder.unlock()
	return err
}

// Forget removes the logs that a run left in dir when it ended (DownButLogs), and tells
// whether there were any. What runs there, and a folder of anybody else, is not touched.
func Forget(dir string) (forgot bool, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return false, fmt.Errorf("resolve the run folder: %w", err)
	}
	for _, name := range []string{mark, logsName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false, nil //nolint:nilerr // no run's folder, or none with logs
		}
	}
	f, err := openFolder(dir)
	if err != nil {
		return false, err
	}
	defer f.unlock()
	if state, err := readState(dir); err != nil || state != nil {
		return false, err
	}
	return true, f.remove()
}

// logsName is the folder of the logs in the run's.
const logsName = "logs"

// patience is how long a process may take to finish what is in flight; beyond the
// hosts' own DRAIN_TIMEOUT of 10 s something is wrong with it.
const patience = 15 * time.Second

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
