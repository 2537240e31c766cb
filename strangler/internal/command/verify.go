package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/tour"
)

func (t *tool) verify() *cobra.Command {
	var through string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Play the journeys of the acceptance suite against what runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, _, err := t.open()
			if err != nil {
				return err
			}
			err = t.verifyRun(cmd.Context(), run, through, asJSON)
			return errors.Join(err, run.Close())
		},
	}
	cmd.Flags().StringVar(&through, "through", "", "the process to go through, such as gateway or monolith (default: where users come in)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return cmd
}

// verification is the outcome of verify, as --json prints it.
type verification struct {
	OK       bool      `json:"ok"`
	URL      string    `json:"url"`
	Seconds  float64   `json:"seconds"`
	Journeys []journey `json:"journeys"` // in the order in which they ended
	// Error is what kept verify from its end; empty when all journeys were played.
	Error string `json:"error,omitempty"`
}

type journey struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	MS     int64  `json:"ms"`
	Detail string `json:"detail"` // empty when OK
}

// verifyRun prints one document whatever happens once it is known where to ask.
func (t *tool) verifyRun(ctx context.Context, run *deployment.Run, through string, asJSON bool) error {
	url := run.EntryURL()
	if through != "" {
		var err error
		if url, err = run.URL(through); err != nil {
			return fmt.Errorf("--through: %w", err)
		}
	}
	tell := t.printJourney
	if asJSON {
		tell = func(journey) {}
	}
	v := verification{URL: url, Journeys: []journey{}}
	err := v.play(ctx, run, run.SeenWithin(through), tell)
	if asJSON {
		return errors.Join(writeJSON(t.out, v), err)
	}
	if v.OK {
		fmt.Fprintf(t.out, "%d journeys hold at %s\n", len(v.Journeys), url)
	}
	return err
}

// play plays the journeys and tells each when it is over. When the context ends, so
// do the journeys at hand, which then says nothing about the blog: they are left out.
func (v *verification) play(ctx context.Context, run *deployment.Run, seenWithin time.Duration, tell func(journey)) error {
	began := time.Now()
	err := reach(ctx, v.URL)
	if err == nil {
		err = run.EnsureModerator(ctx)
	}
	if err == nil {
		m := run.Moderator()
		journeys.Run(ctx, journeys.Config{
			BaseURL: v.URL, SeenWithin: seenWithin, Moderator: journeys.Credentials{Email: m.Email, Password: m.Password},
			Played: func(r journeys.Result) {
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
		return err
	}
	return v.conclude()
}

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
