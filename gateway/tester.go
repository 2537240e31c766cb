package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// longestToken bounds a tester's token: it can't be taken back, only the key can be
// changed.
const longestToken = 30 * 24 * time.Hour

func testerCommand() *cobra.Command {
	var (
		owner string
		valid time.Duration
	)
	c := &cobra.Command{
		Use: "tester", Short: "Makes a token by which a tester chooses the owner, whatever a canary's share", Args: cobra.NoArgs,
		Long: "Makes a token, signed with CANARY_KEY of the environment, which must be the gateway's. Whoever sends it is\n" +
			"answered by the owner on every route whose owner or canary that is. It can't be taken back before its time is\n" +
			"over, except by another CANARY_KEY.",
		Example: "  CANARY_KEY=... gateway tester --owner comments --for 8h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := readSettings()
			if err != nil {
				return err
			}
			return mintToken(cmd.OutOrStdout(), []byte(s.CanaryKey), owner, time.Now().Add(valid), valid)
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "the owner that answers, as in gateway.yaml")
	c.Flags().DurationVar(&valid, "for", 8*time.Hour, "how long the token counts, at most 720h")
	_ = c.MarkFlagRequired("owner") // it exists
	return c
}

func mintToken(out io.Writer, key []byte, owner string, until time.Time, valid time.Duration) error {
	if len(key) < policy.LeastOverrideKey {
		return fmt.Errorf("CANARY_KEY: %w; it must be the gateway's", policy.ErrOverrideKey)
	}
	if valid < time.Second || valid > longestToken {
		return fmt.Errorf("--for %s is out of bounds: use 1s to %s", valid, longestToken)
	}
	if !config.IsName(owner) {
		return fmt.Errorf("--owner %q is no name of an owner: use letters, digits, - _ . :", owner)
	}
	token := policy.MintOverride(key, owner, until)
	_, err := fmt.Fprintf(out, `%[2]s answers whoever sends one of these, until %[3]s

header   %[4]s: %[1]s
cookie   %[5]s=%[1]s

curl -H '%[4]s: %[1]s' http://127.0.0.1:8000/
in a browser's console:  document.cookie = "%[5]s=%[1]s; path=/; max-age=%[6]d"
`, token, owner, until.Format(time.RFC3339), config.OverrideHeader, config.OverrideCookie, int64(valid.Seconds()))
	if err != nil {
		return fmt.Errorf("tester: write the token: %w", err)
	}
	return nil
}
