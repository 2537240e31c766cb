package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

func (t *tool) status() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs, where, and at which step",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, _, err := t.look()
			if err != nil {
				return err
			}
			defer func() { _ = run.Close() }() // it only looked
			s := run.Status(cmd.Context())
			show := printStatus
			if asJSON {
				show = func(out io.Writer, s deployment.Status) error { return json.NewEncoder(out).Encode(s) }
			}
			if err := show(t.out, s); err != nil {
				return err
			}
			if !s.OK {
				return errors.New("a process has ended by itself: look at its log, then down and up, or let the next restart start it")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return cmd
}

// look opens the run for reading, also while another command works on it.
func (t *tool) look() (*deployment.Run, steps.Path, error) {
	path, err := t.path()
	if err != nil {
		return nil, path, err
	}
	dir, err := t.dir()
	if err != nil {
		return nil, path, err
	}
	run, err := deployment.Look(path, dir)
	if err == nil {
		err = t.sameTarget(run)
	}
	return run, path, err
}

func printStatus(out io.Writer, s deployment.Status) error {
	fmt.Fprintf(out, "step       %s\ntarget     %s\n", s.Step, s.Target.Name)
	if s.Walk != "" {
		fmt.Fprintf(out, "on the way %s\n", s.Walk)
	}
	fmt.Fprintf(out, "the blog   %s\n", s.Entry)
	if s.Page != "" {
		fmt.Fprintf(out, "gateway    %s\n", s.Page)
	}
	fmt.Fprintf(out, "sessions   %s, user cache %s\nfolder     %s\n\n", s.Sessions, s.UserCache, s.Dir)
	for _, resource := range slices.Sorted(maps.Keys(s.Owners)) {
		fmt.Fprintf(out, "%s are owned by %s at epoch %d, as the gateway's file says\n\n", resource, s.Owners[resource].Owner, s.Owners[resource].Epoch)
	}
	for _, route := range slices.Sorted(maps.Keys(s.Shares)) {
		fmt.Fprintf(out, "canary of %s: %s\n\n", route, s.Shares[route])
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if s.Target.Name == deployment.Local {
		fmt.Fprintln(table, "process\tpid\tstate\taddress\t")
	} else {
		fmt.Fprintln(table, "process\tcontainer\tstate\taddress\t")
	}
	for _, p := range s.Processes {
		state := "runs"
		if !p.Alive {
			state = "ended"
		}
		id := p.ID
		if p.PID != 0 {
			id = strconv.Itoa(p.PID)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", p.Name, id, state, p.URL, p.Detail)
	}
	return table.Flush()
}
