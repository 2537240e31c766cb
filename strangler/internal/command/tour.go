package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/view"
)

// errNotHeld makes the exit status 1; the table has said what did not hold.
var errNotHeld = errors.New("not everything held")

// tourFlags are the tour's flags as they were given.
type tourFlags struct {
	from, to, backTo string
	users, posts     int
	rate             float64
	stepTime         time.Duration
	seed             int64
	json, keep       bool
	external         deployment.External
}

func (t *tool) tour() *cobra.Command {
	var f tourFlags
	cmd := &cobra.Command{
		Use:   "tour",
		Short: "Walk the path under traffic, roll back and forward once, and report what users noticed",
		Long: `Starts everything (a PostgreSQL of its own, Redis, a mail server, the blog, the gateway), walks the steps one after
another while simulated users are at work, rolls one back and goes forward again, reads every acknowledged write
back, and ends with one table. The exit status is 0 only if everything held.

Where something did not hold, the report says what the hosts complained of meanwhile and which relays and consumers were
behind, and the hosts' logs stay where the last line says. Nothing else does.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.external.Fill = cmd.Flags().Changed("posts")
			return t.runTour(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the step to begin at (default: the first)")
	flags.StringVar(&f.to, "to", "", "the step to walk to (default: the last)")
	flags.StringVar(&f.backTo, "back-to", "", "how far to roll back before going forward again (default: one step)")
	flags.IntVar(&f.users, "users", 50, "how many users there are")
	flags.Float64Var(&f.rate, "rate", 100, "requests per second that they send; 0 is as fast as possible")
	flags.DurationVar(&f.stepTime, "step-time", 4*time.Second, "how long each step is under load, at least")
	flags.Int64Var(&f.seed, "seed", 1, "makes the users' choices and the blog's content repeatable")
	flags.IntVar(&f.posts, "posts", 60, "how many posts the blog has at the start (with --postgres-url, unless given: only if the blog has no accounts)")
	flags.BoolVar(&f.json, "json", false, "one JSON document on stdout; progress goes to stderr")
	flags.BoolVar(&f.keep, "keep", false, "leave everything running at the end")
	external(cmd, &f.external)
	return cmd
}

// runTour prints one report whatever happens: a program that reads --json gets its
// document also when a flag is wrong.
func (t *tool) runTour(ctx context.Context, f tourFlags) error {
	report, kept, err := t.walkTour(ctx, f)
	if err != nil && report.Error == "" {
		report.Error = err.Error()
	}
	if report.Logs != "" {
		report.RemoveLogs = t.downLine()
	}
	if printing := t.printReport(report, f.json); printing != nil {
		return errors.Join(err, printing)
	}
	if err == nil && f.keep {
		t.sayKept(kept)
	}
	if err == nil && !report.OK {
		err = errNotHeld
	}
	if err != nil && report.Logs != "" {
		return fmt.Errorf("%w\nthe processes' logs are in %s; `%s` removes them, and so does the next run there", err, report.Logs, report.RemoveLogs)
	}
	return err
}

// downLine is what somebody types to end the run, or to remove what one left.
func (t *tool) downLine() string {
	if t.runDir == "" {
		return "go run ./strangler down"
	}
	return fmt.Sprintf("go run ./strangler down --run-dir %q", t.runDir)
}

func (t *tool) walkTour(ctx context.Context, f tourFlags) (tour.Report, tour.Kept, error) {
	none := tour.Report{Steps: []*tour.Row{}}
	path, err := t.path()
	if err != nil {
		return none, tour.Kept{}, err
	}
	config, err := f.config(path)
	if err != nil {
		return none, tour.Kept{}, err
	}
	if config.Dir, err = t.dir(); err != nil {
		return none, tour.Kept{}, err
	}
	watcher := t.watcher(ctx, f.json)
	defer watcher.Close()
	config.Watch = watcher
	return tour.Run(ctx, config)
}

// config checks the flags; each error names the flag, its value and the mend.
func (f tourFlags) config(path steps.Path) (tour.Config, error) {
	c := tour.Config{
		Path: path, External: f.external, To: len(path.Steps) - 1,
		Users: f.users, Rate: f.rate, StepTime: f.stepTime, Seed: f.seed, Posts: f.posts, Keep: f.keep,
	}
	var err error
	if f.from != "" {
		if c.From, err = path.Index(f.from); err != nil {
			return c, fmt.Errorf("--from: %w", err)
		}
	}
	if f.to != "" {
		if c.To, err = path.Index(f.to); err != nil {
			return c, fmt.Errorf("--to: %w", err)
		}
	}
	c.BackTo = max(c.From, c.To-1)
	if f.backTo != "" {
		if c.BackTo, err = path.Index(f.backTo); err != nil {
			return c, fmt.Errorf("--back-to: %w", err)
		}
	}
	return c, f.check(c, path)
}

func (f tourFlags) check(c tour.Config, path steps.Path) error {
	name := func(i int) string { return path.Steps[i].Name }
	switch {
	case c.From > c.To:
		return fmt.Errorf("--from %s lies after --to %s: swap them", name(c.From), name(c.To))
	case c.BackTo < c.From || c.BackTo > c.To:
		return fmt.Errorf("--back-to %s does not lie between --from %s and --to %s", name(c.BackTo), name(c.From), name(c.To))
	case f.users < 1 || f.users > 10_000:
		return fmt.Errorf("--users is %d: give a number from 1 to 10000", f.users)
	case f.rate < 0 || f.rate > 100_000:
		return fmt.Errorf("--rate is %g: give requests per second from 0 (as fast as possible) to 100000", f.rate)
	case f.stepTime < 0 || f.stepTime > time.Hour:
		return fmt.Errorf("--step-time is %s: give a duration from 0s to 1h", f.stepTime)
	default:
		return checkPosts(f.posts)
	}
}

type closingWatcher interface {
	tour.Watcher
	Close()
}

func (t *tool) watcher(ctx context.Context, asJSON bool) closingWatcher {
	if f, ok := t.err.(*os.File); ok && !asJSON && term.IsTerminal(f.Fd()) {
		return view.NewLive(ctx, f)
	}
	return view.NewPlain(t.err)
}

func (t *tool) printReport(r tour.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(t.out, r)
	}
	if len(r.Steps) == 0 {
		return nil // it ended before the first step; the error says why
	}
	_, err := lipgloss.Fprintln(t.out, "\n"+view.Summary(r, width(t.out))) // without colours where out is no terminal
	return err
}

// width of the terminal that out is, in cells; 0 if it is none.
func width(out io.Writer) int {
	f, ok := out.(*os.File)
	if !ok {
		return 0
	}
	cells, _, err := term.GetSize(f.Fd())
	if err != nil {
		return 0
	}
	return cells
}

func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func (t *tool) sayKept(k tour.Kept) {
	t.say("the blog:           " + k.Blog)
	if k.Gateway != "" {
		t.say("the gateway's page: " + k.Gateway)
	}
	t.say("the run's folder:   " + k.Dir)
	t.say("next: go run ./strangler status, rollback, load, down")
}
