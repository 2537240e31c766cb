package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"banyan.dev/platform/inbox"
	"banyan.dev/strangler/internal/transfer"
)

// letterRef is a dead letter as people name it: each host numbers its own.
type letterRef struct {
	host string // empty: whichever has it
	id   int64
}

func (r letterRef) String() string {
	id := strconv.FormatInt(r.id, 10)
	if r.host == "" {
		return id
	}
	return r.host + "/" + id
}

// readLetterRefs reads IDs; one that is there twice counts once.
func readLetterRefs(args []string) (refs []letterRef, err error) {
	for _, arg := range args {
		host, number, qualified := strings.Cut(arg, "/")
		if !qualified {
			host, number = "", arg
		}
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil || id < 1 || qualified && host == "" {
			return nil, fmt.Errorf("ID %q can't be: give a host and a number as the list shows them, such as comments/17", arg)
		}
		if r := (letterRef{host, id}); !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs, nil
}

// letterHost is a host whose dead letters are asked for.
type letterHost struct {
	name   string
	client *inbox.LettersClient // nil: no replica of it runs
}

func (h letterHost) ref(id int64) string { return letterRef{h.name, id}.String() }

// letterDesk is the hosts of a resource.
type letterDesk struct {
	resource string
	hosts    []letterHost
}

// onLetters calls f with the hosts that the flags name, or those of the run. Nothing of
// a run is changed, so another command may have it meanwhile.
func (t *tool) onLetters(e *elsewhere, f func(letterDesk) error) error {
	own, err := e.given()
	if err != nil {
		return err
	}
	if own {
		return atDesk(e.hosts(), f)
	}
	run, _, err := t.look()
	if err != nil {
		return err
	}
	hosts, err := run.Hosts(e.resource)
	if err == nil {
		err = atDesk(hosts, f)
	}
	return errors.Join(err, run.Close())
}

func atDesk(hosts transfer.Hosts, f func(letterDesk) error) error {
	d := letterDesk{resource: hosts.Resource}
	for i, name := range hosts.Names {
		h := letterHost{name: name}
		if len(hosts.URLs[i]) > 0 {
			h.client = inbox.NewLettersClient(inbox.LettersClientConfig{Name: name, URLs: hosts.URLs[i], Token: hosts.Token})
			defer h.client.Close()
		}
		d.hosts = append(d.hosts, h)
	}
	return f(d)
}

func (d letterDesk) names() string {
	var names []string
	for _, h := range d.hosts {
		names = append(names, h.name)
	}
	return strings.Join(names, " or ")
}

// refs are a number at each host.
func (d letterDesk) refs(id int64) string {
	var refs []string
	for _, h := range d.hosts {
		refs = append(refs, h.ref(id))
	}
	return strings.Join(refs, " or ")
}

// find returns the host that a dead letter is at. A number alone must be one host's, for
// sure: a host that does not run, or does not answer, may have it too.
func (d letterDesk) find(ctx context.Context, r letterRef) (letterHost, error) {
	if r.host != "" {
		for _, h := range d.hosts {
			if h.name == r.host {
				return h, h.runs()
			}
		}
		return letterHost{}, fmt.Errorf("ID %q names no host of %s: use %s", r, d.resource, d.names())
	}
	at, err := d.having(ctx, r.id)
	if err != nil {
		return letterHost{}, fmt.Errorf("ID %q may be of any host, and one does not tell: write %s: %w", r, d.refs(r.id), err)
	}
	switch len(at) {
	case 0:
		return letterHost{}, fmt.Errorf("ID %q is no dead letter of %s: strangler deadletters list --all shows them", r, d.names())
	case 1:
		return at[0], nil
	}
	return letterHost{}, fmt.Errorf("ID %q is a dead letter of each host: write %s", r, d.refs(r.id))
}

// having returns the hosts that have a dead letter of that number, if all of them tell.
func (d letterDesk) having(ctx context.Context, id int64) (at []letterHost, err error) {
	for _, h := range d.hosts {
		if err := h.runs(); err != nil {
			return nil, err
		}
		page, err := h.client.List(ctx, inbox.Which{IDs: []int64{id}}, 0)
		if err != nil {
			return nil, err
		}
		if len(page.Letters) > 0 {
			at = append(at, h)
		}
	}
	return at, nil
}

// noneTells is that no host has said anything.
func (d letterDesk) noneTells() error {
	return fmt.Errorf("none of %s tells of dead letters: do they run, with events? See strangler status", d.names())
}

func (h letterHost) runs() error {
	if h.client == nil {
		return fmt.Errorf("%s does not run: start it, its database keeps what was put aside", h.name)
	}
	return nil
}

// hostLetter is a dead letter and whose it is.
type hostLetter struct {
	Host string `json:"host"`
	Ref  string `json:"ref"` // as comments/17
	inbox.LetterView
}

// silent tells whether a host has nothing to say, rather than trouble in saying it.
func silent(err error) bool { return errors.Is(err, inbox.ErrNoInbox) }
