package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/ramp"
)

// rampFlags are the ramp's flags as they were given.
type rampFlags struct {
	to, steps, backTo, tooFew string
	hold, every, patience     time.Duration
	stay, json                bool
	gateways                  []string
	tokenFile, file           string
	moreErrors, maxErrors     float64 // percent
	maxMismatch, falseAlarms  float64 // percent
	p50Ratio, p99Ratio        float64
	floor                     time.Duration
	minRequests               uint64
}

const rampLong = `Raises the share of a route's clients that its canary answers, step by step, while it watches both owners over the
same time: errors (5xx), p50 and p99, and how answers compare in the route's shadow. It looks every second (--every)
and goes back by itself, at once, when the canary is worse; it says why, with the figures. The exit status is 0 only if
the share was reached.

Without --gateway it works on the run that "up" has brought up. With --gateway (an admin address, several with commas) it
works on your own: give --file, the gateways' configuration, which is the truth and is written before a gateway is told,
and the admin token by --token-file or ADMIN_TOKEN. Only the route's canary.percent and the revision are changed there.

Ctrl-C goes back too, unless --stay. If the tool itself dies, the share stays as it is, and the same command goes on from
there: it watches that share first.`

func (t *tool) ramp() *cobra.Command {
	var f rampFlags
	cmd := &cobra.Command{
		Use:   "ramp ROUTE",
		Short: "Raise a canary's share step by step, and go back by itself when it is worse",
		Long:  rampLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.config(args[0])
			if err != nil {
				return err
			}
			return t.runRamp(cmd.Context(), f, c)
		},
	}
	d, flags := ramp.Defaults(), cmd.Flags()
	flags.StringVar(&f.to, "to", "100", "the share to reach, in percent; below the present one it is set at once")
	flags.StringVar(&f.steps, "steps", "1,5,25,50,100", "the shares on the way, in percent; the last one is --to, whatever stands here")
	flags.DurationVar(&f.hold, "hold", 30*time.Second, "how long each share is watched, at least")
	flags.DurationVar(&f.every, "every", time.Second, "how long it is between two looks")
	flags.Uint64Var(&f.minRequests, "min-requests", d.MinRequests, "how many requests the canary must have answered at a share before the next")
	flags.DurationVar(&f.patience, "patience", 10*time.Minute, "how much longer than --hold it waits for them")
	flags.StringVar(&f.tooFew, "too-few", string(ramp.GoBack), "what to do when they don't come: back, stay, or on (to the next share)")
	flags.StringVar(&f.backTo, "back-to", "", "the share to go back to, in percent (default: where it began)")
	flags.BoolVar(&f.stay, "stay", false, "let Ctrl-C leave the share as it is")
	flags.Float64Var(&f.moreErrors, "max-more-errors", 100*d.MoreErrors, "by how many percent of requests the canary may fail more than the baseline")
	flags.Float64Var(&f.maxErrors, "max-errors", 100*d.MaxErrors, "how many percent of requests the canary may fail at all; 100 is no limit")
	flags.Float64Var(&f.p50Ratio, "max-p50-ratio", d.P50Ratio, "how many times the baseline's p50 the canary's may be")
	flags.Float64Var(&f.p99Ratio, "max-p99-ratio", d.P99Ratio, "the same of the p99")
	flags.DurationVar(&f.floor, "latency-floor", d.Floor, "how much longer than the baseline's a percentile may be, whatever its ratio")
	flags.Float64Var(&f.maxMismatch, "max-mismatch", 100*d.MaxMismatch, "how many percent of the shadow's answers may differ; 0 stops at the first")
	flags.Float64Var(&f.falseAlarms, "false-alarms", 100*d.FalseAlarms, "how many percent of ramps of a good canary may be stopped by chance")
	flags.StringSliceVar(&f.gateways, "gateway", nil, "admin addresses of your own gateways, http://host:port,... (default: those of the run)")
	flags.StringVar(&f.file, "file", "", "with --gateway: the configuration that all of them read (without it they lose the share with a restart)")
	flags.StringVar(&f.tokenFile, "token-file", "", "with --gateway: the file that holds the admin token (default: ADMIN_TOKEN)")
	flags.BoolVar(&f.json, "json", false, "one JSON document a line: what happens, and the outcome as the last")
	return cmd
}

// config checks the flags; each error names the flag and its value.
func (f rampFlags) config(route string) (ramp.Config, error) {
	c := ramp.Config{
		Route: route, Hold: f.hold, Every: f.every, Patience: f.patience, TooFew: ramp.Choice(f.tooFew), StayWhenInterrupted: f.stay,
		Limits: ramp.Limits{
			MinRequests: f.minRequests, FalseAlarms: f.falseAlarms / 100, MoreErrors: f.moreErrors / 100, MaxErrors: f.maxErrors / 100,
			P50Ratio: f.p50Ratio, P99Ratio: f.p99Ratio, Floor: f.floor, MaxMismatch: f.maxMismatch / 100,
		},
	}
	to, err := ramp.ParseShare(f.to)
	if err != nil {
		return c, fmt.Errorf("--to: %w", err)
	}
	steps, err := ramp.ParseShares(f.steps)
	if err != nil {
		return c, fmt.Errorf("--steps: %w", err)
	}
	c.Shares = ramp.Shares(steps, to)
	if f.backTo != "" {
		back, err := ramp.ParseShare(f.backTo)
		if err != nil {
			return c, fmt.Errorf("--back-to: %w", err)
		}
		c.BackTo = &back
	}
	if len(f.gateways) == 0 && (f.file != "" || f.tokenFile != "") {
		return c, errors.New("--file and --token-file are for --gateway: name it, or leave them out")
	}
	for _, url := range f.gateways {
		if checkURL("--gateway", url) != nil {
			return c, fmt.Errorf("--gateway is %q: give an admin address, such as http://127.0.0.1:8001", url)
		}
	}
	return c, c.Check()
}

// rampTarget is a route that can say who its owners are.
type rampTarget interface {
	ramp.Target
	Owners(ctx context.Context) (baseline, canary string, err error)
}

func (t *tool) runRamp(ctx context.Context, f rampFlags, c ramp.Config) error {
	target, closing, err := t.rampTarget(f, c.Route)
	if err != nil {
		return err
	}
	err = t.rampTo(ctx, target, f, c)
	return errors.Join(err, closing())
}

func (t *tool) rampTarget(f rampFlags, route string) (target rampTarget, closing func() error, err error) {
	if len(f.gateways) > 0 {
		own, err := f.own(route)
		return own, func() error { own.Gateways.Client.CloseIdleConnections(); return nil }, err
	}
	run, _, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	if target, err = run.Route(route); err != nil {
		return nil, nil, errors.Join(err, run.Close())
	}
	return target, run.Close, nil
}

// own is a route of the user's own gateways.
func (f rampFlags) own(route string) (*ramp.File, error) {
	token := os.Getenv("ADMIN_TOKEN")
	if f.tokenFile != "" {
		content, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(content))
	}
	if token == "" && f.file == "" {
		return nil, errors.New("nothing can be changed: give --file, which the gateways watch, or the admin token by --token-file or ADMIN_TOKEN")
	}
	var urls []string
	for _, url := range f.gateways {
		urls = append(urls, strings.TrimSuffix(url, "/"))
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	return &ramp.File{Route: route, Path: f.file, Gateways: ramp.Gateways{URLs: urls, Token: token, Client: client}}, nil
}

func (t *tool) rampTo(ctx context.Context, target rampTarget, f rampFlags, c ramp.Config) error {
	baseline, canary, err := target.Owners(ctx)
	if err != nil {
		return err
	}
	t.say(fmt.Sprintf("%s: %s against %s, by %s; on the way up each is watched for %s", c.Route, canary, baseline, list(c.Shares), c.Hold))
	if len(f.gateways) > 0 && f.file == "" {
		t.say("without --file the gateways forget the share when they are started again")
	}
	t.say("should this command die, the share stays as it is then, and the same command goes on from there")
	c.Watch = t.tellRamp(f.json)
	out, err := ramp.Run(ctx, c, target)
	if f.json && out.Route != "" {
		err = errors.Join(err, json.NewEncoder(t.out).Encode(out))
	}
	switch {
	case err != nil:
		return err
	case out.Result == ramp.Interrupted:
		return fmt.Errorf("interrupted; %s is at %s", c.Route, out.Now)
	case out.Result != ramp.Done:
		return fmt.Errorf("%s did not get %s: %s; it is at %s", c.Route, c.Shares[len(c.Shares)-1], out.Result, out.Now)
	default:
		return nil
	}
}

func (t *tool) tellRamp(asJSON bool) func(ramp.Event) {
	if asJSON {
		lines := json.NewEncoder(t.out)
		return func(e ramp.Event) { _ = lines.Encode(e) } // who left can't be told
	}
	return func(e ramp.Event) { fmt.Fprintf(t.out, "%6.1fs %6s  %s\n", e.Seconds, e.Share, e.Text) }
}

func list(shares []ramp.Share) string {
	var all []string
	for _, s := range shares {
		all = append(all, s.String())
	}
	return strings.Join(all, ", ")
}
