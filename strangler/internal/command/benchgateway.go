package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/bench/beside"
	"banyan.dev/strangler/internal/bench/peers"
	"banyan.dev/strangler/internal/bench/stand"
)

const benchGatewayHelp = `Measure the gateway beside nginx, haproxy, Caddy (those that are installed) and
httputil.ReverseProxy (tuned, and as it comes), in one run, on loopback.

What runs: one application that answers from memory, every contender in front of
it as a process of its own, and the clients in this process. They share the
machine's processors, so requests/s say what the whole chain reached, and the row
"application" what it reaches without a contender. CPU s/100,000 is the contender's
own processor time for 100,000 requests.

Contenders take turns, round by round, in another order each round; a turn warms
up for a fifth of its time first. Figures of one run mean little on another
machine or day. What lasts are ratios: each is the median of the rounds' own
ratios, since a slow moment of the machine meets all contenders of a round. Clients
ask again as soon as they are answered (a closed loop), so the latencies are those
at full load, where the faster chain has the shorter queue. Then each contender gets
the same --rate, and a late answer's latency counts from when it was due: that is
what a request costs its user.

The gateway takes part three times: "gateway" with every policy configured and
nothing for it to do; "gateway-canary" with half of the users sent to a second
owner, each kept at a replica; "gateway-shadow" with a tenth of the requests copied
to the second owner and the answers compared. After that come, each with a fresh
process: memory of idle connections (also of nginx and haproxy; the median of three
looks, since a garbage collector stands where it stands), reloads by the
admin API under load, and a long body down and up in constant memory. At the end
the gateway's goals stand beside what it reached.

--show-configs prints the configurations, so that you can judge whether they are fair.`

func (t *tool) benchGateway() *cobra.Command {
	c := beside.Defaults()
	show := false
	cmd := &cobra.Command{
		Use:     "gateway",
		Short:   "Compare the gateway with nginx, haproxy, Caddy and httputil.ReverseProxy",
		Long:    benchGatewayHelp,
		Example: "  strangler bench gateway --rounds 9 --duration 5s\n  strangler bench gateway --only nginx,gateway --idle 0 --reloads 0 --stream 0 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Out = t.out
			if show {
				return beside.ShowConfigs(c)
			}
			path, err := t.path()
			if err != nil {
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this tool's binary: %w", err)
			}
			c.Root, c.Self, c.Say = path.Root, []string{self}, t.say
			return beside.Run(cmd.Context(), c)
		},
	}
	cmd.Flags().StringSliceVar(&c.Only, "only", nil, "the contenders, of "+strings.Join(peers.Names(), ", ")+" (default: all)")
	cmd.Flags().IntVar(&c.Rounds, "rounds", c.Rounds, "how often each contender has its turn")
	cmd.Flags().DurationVar(&c.Duration, "duration", c.Duration, "how long a turn is measured")
	cmd.Flags().IntVar(&c.Connections, "connections", c.Connections, "how many clients ask at once")
	cmd.Flags().IntVar(&c.Rate, "rate", c.Rate, "requests/s at which latencies are compared; 0 leaves that out")
	cmd.Flags().IntVar(&c.Body, "body", c.Body, "bytes of an answer's body")
	cmd.Flags().IntVar(&c.Idle, "idle", c.Idle, "how many idle connections to hold; 0 leaves that out")
	cmd.Flags().IntVar(&c.Reloads, "reloads", c.Reloads, "how many configurations to put in force under load; 0 leaves that out")
	cmd.Flags().Int64Var(&c.Stream, "stream", c.Stream, "bytes of the long body; 0 leaves that out")
	cmd.Flags().BoolVar(&c.JSON, "json", false, "one JSON document")
	cmd.Flags().BoolVar(&show, "show-configs", false, "print the contenders' configurations and measure nothing")
	return cmd
}

// benchProcess is hidden: the benchmark starts this binary with it.
func (t *tool) benchProcess() *cobra.Command {
	return &cobra.Command{
		Use: stand.Command + " CONFIGURATION", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Be the application or the ReverseProxy of a benchmark",
		RunE: func(cmd *cobra.Command, args []string) error {
			return stand.Serve(cmd.Context(), args[0], os.Stdin)
		},
	}
}
