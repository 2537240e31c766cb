package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/tour"
)

func (t *tool) verify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Play the journeys of the acceptance suite against what runs",
		Long: `Plays the journeys of the acceptance suite: against the run, through where users come in or through the
process of --through; or with --url against a blog that this tool did not bring up, such as one that
docker compose up or kubectl apply -k left running. Some journeys need a moderator. On a run the tool makes
one; elsewhere sign up, give the account the role by the host's own command (monolith role EMAIL moderator),
and name it with --moderator and its password in ` + moderatorPassword + `.

The journeys sign up, write and delete: a blog whose content matters is no place for them.`,
		Example: `  strangler verify
  strangler verify --through monolith
  ` + moderatorPassword + `=... strangler verify --url http://127.0.0.1:8080 --moderator mona@example.org --seen-within 5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.url != "" {
				return t.verifyElsewhere(cmd.Context(), f)
			}
			if f.moderator != "" || f.seenWithin != 0 {
				return errors.New("--moderator and --seen-within are for --url: a run knows both")
			}
			run, _, err := t.open()
			if err != nil {
				return err
			}
			err = t.verifyRun(cmd.Context(), run, f.through, f.json)
			return errors.Join(err, run.Close())
		},
	}
	cmd.Flags().StringVar(&f.through, "through", "", "the process to go through, such as gateway or monolith (default: where users come in)")
	cmd.Flags().StringVar(&f.url, "url", "", "a blog that is no run of this tool, by its address")
	cmd.Flags().StringVar(&f.moderator, "moderator", "", "with --url: the email of an account with the role moderator; its password is in "+moderatorPassword)
	cmd.Flags().DurationVar(&f.seenWithin, "seen-within", 0, "with --url: how late others may see what somebody wrote (from 06 on: some seconds)")
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON document")
	return cmd
}

type verifyFlags struct {
	through, url, moderator string
	seenWithin              time.Duration
	json                    bool
}

// moderatorPassword is where a password comes from: a flag would be seen in the list of
// processes.
const moderatorPassword = "STRANGLER_MODERATOR_PASSWORD"

// verifyElsewhere plays the journeys against a blog of which only the address is known.
func (t *tool) verifyElsewhere(ctx context.Context, f verifyFlags) error {
	password := os.Getenv(moderatorPassword)
	switch {
	case f.through != "":
		return errors.New("--through is for a run: with --url give that process's own address")
	case f.moderator == "":
		return errors.New("--moderator is missing: sign up at the blog, run its role command, and give that account's email")
	case password == "":
		return fmt.Errorf("%s is not set: it holds the password of %s", moderatorPassword, f.moderator)
	case f.seenWithin < 0:
		return fmt.Errorf("--seen-within is %s: give a duration above 0, or leave it out", f.seenWithin)
	}
	if err := checkURL("--url", f.url); err != nil {
		return err
	}
	who := func(context.Context) (deployment.Moderator, error) {
		return deployment.Moderator{Email: f.moderator, Password: password}, nil
	}
	return t.playAt(ctx, verification{URL: f.url}, f.seenWithin, who, f.json)
}

// verification is the outcome of verify, as --json prints it.
type verification struct {
	OK       bool      `json:"ok"`
	URL      string    `json:"url"`
	Seconds  float64   `json:"seconds"`
	Journeys []journey `json:"journeys"` // in the order in which they ended
	// Error is what kept verify from its end; empty when all journeys were played.
	Error string `json:"error,omitempty"`
	// Of a run that this tool brought up, if not all journeys held.
	why
	run *deployment.Run // nil where only the address is known
}

type journey struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	MS     int64  `json:"ms"`
	Detail string `json:"detail"` // empty when OK
}

func (t *tool) verifyRun(ctx context.Context, run *deployment.Run, through string, asJSON bool) error {
	url := run.EntryURL()
	if through != "" {
		var err error
		if url, err = run.URL(through); err != nil {
			return fmt.Errorf("--through: %w", err)
		}
	}
	who := func(ctx context.Context) (deployment.Moderator, error) {
		err := run.EnsureModerator(ctx)
		return run.Moderator(), err
	}
	return t.playAt(ctx, verification{URL: url, run: run}, run.SeenWithin(through), who, asJSON)
}

// moderator tells the account that journeys moderate with.
type moderator func(context.Context) (deployment.Moderator, error)

// playAt prints one document whatever happens once it is known where to ask.
func (t *tool) playAt(ctx context.Context, v verification, seenWithin time.Duration, who moderator, asJSON bool) error {
	tell := t.printJourney
	if asJSON {
		tell = func(journey) {}
	}
	v.Journeys = []journey{}
	err := v.play(ctx, who, seenWithin, tell)
	if asJSON {
		return errors.Join(writeJSON(t.out, v), err)
	}
	if v.OK {
		fmt.Fprintf(t.out, "%d journeys hold at %s\n", len(v.Journeys), v.URL)
	}
	if v.Meanwhile != nil {
		fmt.Fprintln(t.out, v.text(width(t.out)))
	}
	return err
}

// play plays the journeys and tells each when it is over. When the context ends, so
// do the journeys at hand, which then says nothing about the blog: they are left out.
func (v *verification) play(ctx context.Context, who moderator, seenWithin time.Duration, tell func(journey)) error {
	began := time.Now()
	err := reach(ctx, v.URL)
	var m deployment.Moderator
	if err == nil {
		m, err = who(ctx)
	}
	if err == nil {
		journeys.Run(ctx, journeys.Config{
			BaseURL: v.URL, SeenWithin: seenWithin, Moderator: journeys.Credentials{Email: m.Email, Password: m.Password},
			Played: func(r journeys.Result) {
				if !r.OK && v.run != nil && v.Behind == nil && ctx.Err() == nil {
					v.Behind = v.run.Behind(ctx) // when the others are over, it may have caught up
				}
				if ctx.Err() == nil {
					v.Journeys = append(v.Journeys, journey{r.Name, r.OK, r.Duration.Milliseconds(), r.Detail})
					tell(v.Journeys[len(v.Journeys)-1])
				}
			},
		})
	}
	v.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil {
		err = tour.ErrInterrupted
	}
	if err != nil {
		v.Error = err.Error()
	} else {
		err = v.conclude()
	}
	if err != nil && ctx.Err() == nil && v.run != nil {
		v.why = explain(ctx, v.run, began.Add(-lookBack), v.Behind)
	}
	return err
}

// lookBack is how long before verify began complaints count: a host may have said then
// what does not hold now, for who keeps failing says so once.
const lookBack = time.Minute

func (v *verification) conclude() error {
	failed := 0
	for _, j := range v.Journeys {
		if !j.OK {
			failed++
		}
	}
	v.OK = failed == 0
	if !v.OK {
		return fmt.Errorf("%d of %d journeys failed at %s", failed, len(v.Journeys), v.URL)
	}
	return nil
}

func (t *tool) printJourney(j journey) {
	if j.OK {
		fmt.Fprintf(t.out, "holds  %s\n", j.Name)
		return
	}
	fmt.Fprintf(t.out, "FAILS  %s\n       %s\n", j.Name, j.Detail)
}
