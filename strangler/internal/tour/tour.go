package tour

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/traffic"
)

// Config says which way to walk and who comes meanwhile.
type Config struct {
	Path     steps.Path
	Dir      string // the run's folder
	External deployment.External
	From, To int // steps
	BackTo   int // how far to roll back from To, before going forward again; To: not at all
	Users    int
	Rate     float64 // requests per second, 0 as fast as possible
	StepTime time.Duration
	Seed     int64
	Posts    int  // in the blog at the start
	Keep     bool // leave it running, at To
	Watch    Watcher
}

// Watcher hears what happens. Its methods are called from one goroutine and must
// not block.
type Watcher interface {
	// Phase is what is being done before the first users come, and after the last.
	Phase(what string)
	// Begin is a step that is being walked to; title says what it is, or on the way
	// back where that leads. users is the load that it is under.
	Begin(row *Row, title string, users func() traffic.Window)
	// Action is one line of the plan, or of a demo, that begins.
	Action(what, because string)
	// Checked is a check of the step at hand.
	Checked(c Check)
	// End is the step's measured outcome; what the ledger finds comes at the end.
	End(row *Row)
}

// tour is one tour at work.
type tour struct {
	Config
	run     *deployment.Run
	began   time.Time
	load    *traffic.Load
	entry   atomic.Value // string: where users come in
	report  Report
	row     *Row
	started bool            // there is something to stop
	shown   map[string]bool // demos at a step's end that were shown already
	memory  *memory
	notices notices
	behind  []string // at the moment of the first failure inside the check at hand
}

// ErrInterrupted is a tour that was asked to end before its end. It is not the
// context's error, which a main takes for an orderly stop: what was asked for was
// not done.
var ErrInterrupted = errors.New("interrupted")

// Run does the tour. The report is complete also when the error is not nil; the
// error is what kept the tour from its end, or from cleaning up. A report that is
// not OK is no error. Everything is stopped before it returns, unless it was to be
// kept.
func Run(ctx context.Context, c Config) (Report, Kept, error) {
	t := &tour{Config: c, began: time.Now(), shown: map[string]bool{}, report: Report{Steps: []*Row{}}}
	kept, err := t.start(ctx)
	t.report.Seconds = time.Since(t.began).Seconds()
	if err != nil {
		t.report.Error = err.Error()
		t.report.dropUnfinished()
	}
	if t.memory != nil {
		t.report.MemoryMiB = t.memory.peak()
	}
	t.report.conclude()
	return t.report, kept, err
}

// Kept is where to look at what was left running.
type Kept struct {
	Blog, Gateway, Dir string
}

// endWithin bounds the clean-up, which has a time of its own.
const endWithin = time.Minute

func (t *tour) start(ctx context.Context) (Kept, error) {
	run, err := deployment.Create(ctx, t.Path, t.Dir, deployment.Options{Owner: "tour", External: t.External, Posts: t.Posts, Seed: t.Seed}, t.progress)
	if err != nil {
		return Kept{}, interrupted(ctx, err)
	}
	t.run = run
	t.memory = watchMemory(func() int { return deployment.Memory(run.Dir()) })
	err = interrupted(ctx, t.walk(ctx))
	t.memory.stop()
	t.explain(ctx, err)
	if err == nil && t.Keep {
		kept := Kept{Blog: run.EntryURL(), Gateway: run.GatewayPage(), Dir: run.Dir()}
		return kept, errors.Join(run.Keep(), run.Close())
	}
	if t.started {
		t.Watch.Phase("stopping everything")
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if ended := t.down(ending); ended != nil {
		err = errors.Join(err, fmt.Errorf("clean up: %w", ended))
	}
	return Kept{}, err
}

// interrupted replaces the error of whatever was at work when the context ended:
// that it failed says nothing.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// progress tells what the run is doing: as a phase of its own, or inside a step.
func (t *tour) progress(what string) {
	if t.row == nil {
		t.Watch.Phase(what)
		return
	}
	t.Watch.Action(what, "")
}

func (t *tour) walk(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	load, err := traffic.New(traffic.Config{
		BaseURL: func() string { return t.entry.Load().(string) }, Users: t.Users, Rate: t.Rate, Seed: t.Seed,
		Logger: slog.New(&t.notices),
	})
	if err != nil {
		return err
	}
	t.load = load
	working, goHome := context.WithCancel(ctx)
	defer goHome()
	ended := make(chan error, 1)
	go func() { ended <- load.Run(working) }()
	err = t.underLoad(ctx, ended)
	goHome()
	if left := <-ended; err == nil && left != nil {
		err = fmt.Errorf("the users: %w", left)
	}
	return err
}

// prepare brings the first step up, with a blog that has something in it.
func (t *tour) prepare(ctx context.Context) error {
	if err := t.run.CheckExternal(ctx); err != nil {
		return err
	}
	if err := t.run.CheckDatabases(ctx, t.To); err != nil {
		return err
	}
	if err := t.run.Prepare(ctx, t.To); err != nil {
		return err
	}
	t.started = true
	if err := t.run.BringUp(ctx, t.From); err != nil {
		return err
	}
	t.entry.Store(t.run.EntryURL())
	return nil
}

// underLoad walks while the users are at work, and reads everything back.
func (t *tour) underLoad(ctx context.Context, ended chan error) error {
	t.Watch.Phase(fmt.Sprintf("%d users sign up", t.Users))
	select {
	case <-t.load.Ready():
	case err := <-ended:
		ended <- nil
		return fmt.Errorf("the users: %w", err)
	}
	if err := t.stay(ctx); err != nil {
		return err
	}
	for _, leg := range [][2]int{{t.From, t.To}, {t.To, t.BackTo}, {t.BackTo, t.To}} {
		for _, w := range plan.Between(t.Path, leg[0], leg[1]) {
			if err := t.step(ctx, w); err != nil {
				return err
			}
		}
	}
	return t.readBack(ctx)
}

// stay is the first step: it was brought up, nobody walked to it.
func (t *tour) stay(ctx context.Context) error {
	first := t.Path.Steps[t.From]
	t.begin(first, plan.Forward, first.Title)
	return t.dwell(ctx, first)
}

func (t *tour) begin(step steps.Step, d plan.Direction, title string) {
	t.row = &Row{Name: step.Name, Direction: d, begun: time.Now(), window: fmt.Sprintf("%d %s %s", len(t.report.Steps)+1, step.Name, d), Checks: []Check{}}
	t.report.Steps = append(t.report.Steps, t.row)
	t.load.Begin(t.row.window)
	t.Watch.Begin(t.row, title, t.load.Live)
}

// step walks one step's width and looks whether everything held.
func (t *tour) step(ctx context.Context, w plan.Walk) error {
	i, err := t.Path.Index(w.Step)
	if err != nil {
		return err
	}
	title := t.Path.Steps[i].Title
	if w.Direction == plan.Back {
		title = "back to " + w.To
	}
	t.begin(t.Path.Steps[i], w.Direction, title)
	if err := plan.Enter(t.run.Journal(), w); err != nil {
		return err
	}
	if err := plan.Run(ctx, t.run.Journal(), t.run, &observer{tour: t}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		t.row.check("the walk came to its end", false, err.Error(), t.run.Behind(ctx)...)
		t.end(ctx)
		return err
	}
	reached, err := t.Path.Index(w.To)
	if err != nil {
		return err
	}
	return t.dwell(ctx, t.Path.Steps[reached])
}

// dwell gives a step its time under load while what must hold there is checked. The
// demos at its end and the journeys, which take long, come the first time only.
func (t *tour) dwell(ctx context.Context, at steps.Step) error {
	until := time.After(t.StepTime)
	again := t.shown[at.Name]
	t.shown[at.Name] = true
	if !again {
		if err := t.demos(ctx, at, steps.AtEnd); err != nil {
			return err
		}
	}
	t.checks(ctx, at, again)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-until:
	}
	if _, _, err := t.load.RollCall(ctx); err != nil {
		return fmt.Errorf("ask all users who they are: %w", err)
	}
	t.end(ctx)
	return nil
}

// end is the outcome of the step at hand, as its users noticed it.
func (t *tour) end(ctx context.Context) {
	var behind []string
	if live := t.load.Live(); live.Failed+live.SignedOut > 0 {
		behind = t.run.Behind(ctx) // before the step's end: what users do then is no step's
	}
	t.row.measured(t.load.End(), t.notices.take(), behind)
	t.row.until = time.Now()
	t.Watch.End(t.row)
}

// readBack compares what was acknowledged with what is there, and charges each
// finding to the step in which the write was made.
func (t *tour) readBack(ctx context.Context) error {
	t.row = nil
	t.Watch.Phase("reading everything back")
	found, err := t.load.Check(ctx)
	if err != nil {
		return fmt.Errorf("read everything back: %w", err)
	}
	for _, row := range t.report.Steps {
		tally := found.ByWindow[row.window]
		row.Lost, row.Duplicated = tally.Lost, tally.Duplicated
		ok := tally.OutOfOrder == 0 && tally.NotSeen == 0 && tally.CameBack == 0
		detail := fmt.Sprintf("%d acknowledged", tally.Acknowledged)
		if !tally.OK() {
			detail = tally.String() + "\n" + found.Explain(5)
		}
		row.check("writes keep their order, are seen by who wrote them, and stay deleted", ok, detail)
	}
	if outside := found.ByWindow[""]; !outside.OK() {
		return fmt.Errorf("writes made between the steps: %s\n%s", outside, found.Explain(5))
	}
	return nil
}
