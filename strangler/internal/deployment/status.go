package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// Process is one replica, for people and programs.
type Process struct {
	Name   string `json:"name"`
	PID    int    `json:"pid,omitempty"`
	ID     string `json:"id,omitempty"` // of a container
	Alive  bool   `json:"alive"`
	URL    string `json:"url,omitempty"`
	Admin  string `json:"admin,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Status is the run as it stands.
type Status struct {
	Dir       string    `json:"dir"`
	Target    Target    `json:"target"`
	Step      string    `json:"step"`
	Walk      string    `json:"walk,omitempty"` // the one that was cut off
	Created   time.Time `json:"created"`
	Entry     string    `json:"entry"`
	Page      string    `json:"page,omitempty"` // of the gateway
	Sessions  string    `json:"sessions"`
	UserCache string    `json:"user_cache"`
	// Owners are who owns what, as the gateway's file says.
	Owners map[string]Owned `json:"owners,omitempty"`
	// Shares are what routes were ramped to, in percent.
	Shares    map[string]ramp.Share `json:"shares,omitempty"`
	Processes []Process             `json:"processes"`
	OK        bool                  `json:"ok"`
}

// Status asks every process how it is.
func (r *Run) Status(ctx context.Context) Status {
	s := Status{
		Dir: r.Dir(), Target: r.Target(), Step: r.journal.At(), Created: r.state.Created, Entry: r.EntryURL(), Page: r.GatewayPage(),
		Sessions: r.state.Settings.Store, UserCache: r.state.Settings.UserCache, OK: true,
		Shares: r.state.Routes.Shares, Owners: r.owners(),
	}
	if walk, done, open := r.journal.Open(); open {
		s.Walk = fmt.Sprintf("%s, %d of %d actions done", walk.Title(), done, len(walk.Actions))
	}
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		p := r.describe(ctx, all[name])
		s.OK = s.OK && p.Alive
		s.Processes = append(s.Processes, p)
	}
	return s
}

// owners are who owns what, as the gateway's file says; none without a gateway.
func (r *Run) owners() map[string]Owned {
	text, err := os.ReadFile(r.folder.path(routesName))
	if err != nil || r.state.Routes.Step == "" {
		return nil
	}
	names, err := ramp.Resources(text)
	if err != nil {
		return nil
	}
	owners := map[string]Owned{}
	for _, name := range names {
		if is, err := ramp.LookupOwner(text, name); err == nil {
			owners[name] = Owned{Owner: is.Owner, Epoch: is.Epoch}
		}
	}
	return owners
}

func (r *Run) describe(ctx context.Context, i *Instance) Process {
	p := Process{Name: i.Name, PID: i.PID, Alive: r.on.alive(i.Name)}
	p.ID, p.Detail = r.on.describe(i.Name)
	process := r.path.Processes[i.Process]
	if !p.Alive || !process.Host() {
		return p
	}
	p.URL, p.Admin = r.on.publicURL(i.Name), r.on.adminURL(i.Name)
	if watchesSettings(process) {
		if s, err := r.sessionStatus(ctx, i.Name); err == nil {
			p.Detail = fmt.Sprintf("sessions %s, %d in memory", s.Store, s.Sessions)
		}
	}
	return p
}

// EntryURL is where users come in.
func (r *Run) EntryURL() string {
	url, err := r.URL(r.state.Entry)
	if err != nil {
		return "" // before the first BringUp
	}
	return url
}

// URL of a process, where users come in to it.
func (r *Run) URL(process string) (string, error) {
	p, ok := r.path.Processes[process]
	if !ok || !p.Host() {
		return "", fmt.Errorf("%q is no host", process)
	}
	return r.on.entry(p)
}

// SeenWithin is how long others may take to see what somebody wrote, by what the step
// at hand says of journeys through a process; empty is where users come in.
func (r *Run) SeenWithin(through string) time.Duration {
	if through == "" {
		through = r.state.Entry
	}
	for _, c := range r.reaching().Checks {
		if c.Journeys == through {
			return c.SeenWithin
		}
	}
	return 0
}

// GatewayPage is the live page of the gateway, empty while none runs.
func (r *Run) GatewayPage() string {
	names := r.gateways()
	if len(names) == 0 {
		return ""
	}
	if k, is := r.on.(*kubernetes); is {
		return k.page()
	}
	return r.on.adminURL(names[0]) + "/_strangler/"
}

// Gateway asks the first gateway how it is.
func (r *Run) Gateway(ctx context.Context) (GatewayStatus, error) {
	if names := r.gateways(); len(names) > 0 {
		return r.gatewayStatus(ctx, names[0])
	}
	return GatewayStatus{}, errors.New("no gateway runs")
}

// SessionStatuses asks every replica where its sessions are.
func (r *Run) SessionStatuses(ctx context.Context) ([]SessionStatus, error) {
	var all []SessionStatus
	for _, name := range r.watchers() {
		s, err := r.sessionStatus(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// Seams asks every replica of a process which of its seams are wired how, and returns
// that by replica and seam.
func (r *Run) Seams(ctx context.Context, process string) (steps.Table, error) {
	all := steps.Table{}
	for _, name := range r.replicas(process) {
		seams, err := r.seams(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = seams
	}
	return all, nil
}

// Pinned tells whether the routes in force keep a user at one replica.
func (r *Run) Pinned() bool {
	content, err := r.stepRoutes(r.state.Routes.Step)
	return r.state.Routes.Step != "" && err == nil && pins(content)
}

// Moderator is the account that the acceptance suite moderates with; empty before
