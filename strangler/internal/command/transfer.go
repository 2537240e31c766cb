package command

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/transfer"
)

// elsewhere are the flags that name hosts and gateways of the user's own, in place of
// the run that "up" has brought up.
type elsewhere struct {
	resource           string
	monolith, comments []string
	gateways           []string
	file               string
}

const elsewhereLong = `
Without --monolith-admin and --comments-admin it works on the run that "up" has brought up. With them (the admin addresses of
the replicas, several with commas) it works on any deployment; then ADMIN_TOKEN must be set, the token of these ports.`

func (e *elsewhere) flags(cmd *cobra.Command, gateways bool) {
	flags := cmd.Flags()
	flags.StringVar(&e.resource, "resource", "comments", "what is moved")
	flags.StringSliceVar(&e.monolith, "monolith-admin", nil, "admin addresses of your own monolith, http://host:port,... (default: those of the run)")
	flags.StringSliceVar(&e.comments, "comments-admin", nil, "the same of your own comments service")
	if gateways {
		flags.StringSliceVar(&e.gateways, "gateway-admin", nil, "the same of your own gateways")
		flags.StringVar(&e.file, "file", "", "with --gateway-admin: the configuration that all of them read (without it they lose the change with a restart)")
	}
}

// given tells whether hosts were named; naming half of them is an error.
func (e *elsewhere) given() (bool, error) {
	for flag, urls := range map[string][]string{"--monolith-admin": e.monolith, "--comments-admin": e.comments, "--gateway-admin": e.gateways} {
		for i, url := range urls {
			if checkURL(flag, url) != nil {
				return false, fmt.Errorf("%s is %q: give an admin address, such as http://127.0.0.1:8081", flag, url)
			}
			urls[i] = strings.TrimSuffix(url, "/")
		}
	}
	switch any, both := len(e.monolith)+len(e.comments)+len(e.gateways) > 0 || e.file != "", len(e.monolith) > 0 && len(e.comments) > 0; {
	case any && !both:
		return false, errors.New("only one side is named: give --monolith-admin and --comments-admin, or neither of them for the run")
	case both && os.Getenv("ADMIN_TOKEN") == "":
		return false, errors.New("ADMIN_TOKEN is not set: it is the token of the admin ports that you named")
	default:
		return both, nil
	}
}

func (e *elsewhere) hosts() transfer.Hosts {
	return transfer.Hosts{
		Resource: e.resource, Names: [2]string{"monolith", "comments"}, URLs: [2][]string{e.monolith, e.comments}, Token: os.Getenv("ADMIN_TOKEN"),
	}
}

// fleet are the user's own gateways. closing closes its connections.
func (e *elsewhere) fleet() (fleet ramp.Gateways, closing func()) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	return ramp.Gateways{URLs: e.gateways, Token: os.Getenv("ADMIN_TOKEN"), Client: client}, client.CloseIdleConnections
}

// onHosts calls f with the hosts that the flags name, or those of the run, which is
// locked meanwhile: run is nil in the first case.
func (t *tool) onHosts(e *elsewhere, f func(hosts transfer.Hosts, run *deployment.Run) error) error {
	own, err := e.given()
	if err != nil {
		return err
	}
	if own {
		return f(e.hosts(), nil)
	}
	run, _, err := t.open()
	if err != nil {
		return err
	}
	hosts, err := run.Hosts(e.resource)
	if err == nil {
		err = f(hosts, run)
	}
	return errors.Join(err, run.Close())
}
