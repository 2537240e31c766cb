package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/command"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/transfer"
)

// steer gives one gateway a text of its own by its admin port, under this revision.
func (o *owned) steer(t *testing.T, gateway string, revision int) {
	t.Helper()
	text, err := os.ReadFile(o.file)
	require.NoError(t, err)
	text = bytes.Replace(text, []byte("revision: 7   # of the test"), fmt.Appendf(nil, "revision: %d   # of somebody", revision), 1)
	one := o.fleet(t)
	one.URLs = []string{gateway}
	require.NoError(t, one.Put(t.Context(), text))
}

func (o *owned) fleet(t *testing.T) ramp.Gateways {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return ramp.Gateways{URLs: o.admin, Token: rampToken, Client: client}
}

// TestAGatewayThatSomebodySteersHearsOfTheNewOwner: the tool was cut off after it wrote
// the file, and before a gateway read that, somebody gave the gateway another text,
// under the same revision or one above: it refuses the file from then on.
func TestAGatewayThatSomebodySteersHearsOfTheNewOwner(t *testing.T) {
	for _, steered := range []int{8, 9} {
		t.Run(fmt.Sprintf("to %d", steered), func(t *testing.T) {
			o := startOwned(t)
			fleet := o.fleet(t)
			o.steer(t, o.admin[1], steered)
			text, err := os.ReadFile(o.file)
			require.NoError(t, err)
			text, err = ramp.EditOwner(text, "notes", "comments", 2, 8)
			require.NoError(t, err)
			require.NoError(t, watch.Write(o.file, text, 0o600))

			router := &transfer.FileRouter{Fleet: fleet, Resource: "notes", Path: o.file}
			require.NoError(t, router.Route(t.Context(), "comments", 2))
			for _, gateway := range o.admin {
				has, err := fleet.Owned(t.Context(), gateway, "notes")
				require.NoError(t, err)
				require.Equal(t, "comments at 2", fmt.Sprintf("%s at %d", has.Owner, has.Epoch), gateway)
			}
			require.NoError(t, router.Route(t.Context(), "monolith", 3), "and of the one after")
			require.ErrorIs(t, router.Route(t.Context(), "comments", 2), handover.ErrOutrun)
		})
	}
}

// TestAGatewayThatIsFurtherOnIsNotTakenBack: its file was lost, and is of long ago.
func TestAGatewayThatIsFurtherOnIsNotTakenBack(t *testing.T) {
	o := startOwned(t)
	fleet := o.fleet(t)
	_, err := fleet.Give(t.Context(), o.admin[1], "notes", "comments", 6)
	require.NoError(t, err)
	router := &transfer.FileRouter{Fleet: fleet, Resource: "notes", Path: o.file}
	require.ErrorIs(t, router.Route(t.Context(), "comments", 2), handover.ErrOutrun)
	require.ErrorIs(t, router.Route(t.Context(), "monolith", 6), handover.ErrContradiction)
}

// TestASilentGatewayKeepsNobodyWaitingAtTheOthers: it takes connections and never
// answers, and the routes' requests are held for 5 s at most.
func TestASilentGatewayKeepsNobodyWaitingAtTheOthers(t *testing.T) {
	o := startOwned(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	stop := o.writers(t, 4)
	for _, to := range []string{"comments", "monolith"} {
		out, err := o.command(t, "--to", to, "--gateway-admin", "http://"+silent.Addr().String())
		require.NoError(t, err)
		t.Log(out)
	}
	acknowledged, failed := stop()
	require.Zero(t, failed, "of %d", len(acknowledged))
}

// TestWhoLacksSomethingDoesNotOwn: the comparison comes before anything is begun.
func TestWhoLacksSomethingDoesNotOwn(t *testing.T) {
	o := startOwned(t)
	next := o.next.db.Gorm(t.Context())
	require.NoError(t, next.Exec("DELETE FROM fed").Error)
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	var out, progress bytes.Buffer
	err := command.Execute(ctx, o.flags("--to", "comments"), &out, &progress)
	require.ErrorContains(t, err, "comments does not hold what monolith holds")
	require.ErrorContains(t, err, "018f0000-0000-7000-8000-000000000001", "it names the row")
	row, err := o.old.side.Row(t.Context())
	require.NoError(t, err)
	require.Equal(t, "owner at 1", row.String(), "nothing was begun")

	_, err = o.command(t, "--to", "comments", "--unchecked")
	require.NoError(t, err)
	_, err = o.command(t, "--to", "comments")
	require.NoError(t, err, "it is so already")
	_, err = o.command(t, "--to", "monolith")
	require.ErrorContains(t, err, "monolith does not hold what comments holds", "whichever side is compared")
}
