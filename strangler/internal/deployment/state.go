package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// State is what the next command has to know of a run: run.json in its folder.
// What a change asks for is in it before the change is made, and a process right
// after it has started.
type State struct {
	Owner   string    `json:"owner"` // up or tour
	Kept    bool      `json:"kept"`  // a tour that was told to leave it running
	Created time.Time `json:"created"`
	Target  Target    `json:"target"`
	Token   string    `json:"token"` // of the admin ports
	// IdentityKey signs who is asking, between the hosts.
	IdentityKey string `json:"identity_key"`
	// Backfills are the runs that were begun, by resource, until what they brought over is
	// discarded.
	Backfills map[string]string `json:"backfills,omitempty"`
	// Provided are the databases that were made at a server that the user gave.
	Provided  map[string]string    `json:"provided,omitempty"`
	Entry     string               `json:"entry"` // the process by which users come
	External  External             `json:"external"`
	Ports     map[string]Ports     `json:"ports"` // by replica, also of those not running
	Processes map[string]*Instance `json:"processes"`
	// Kubernetes is what a run on that target has to know besides.
	Kubernetes *OnKubernetes `json:"kubernetes,omitempty"`
	Settings   Settings      `json:"settings"`
	Routes     Routes        `json:"routes"`
	// Environment is what replicas are told at their start, over what processes.yaml
	// says; whoever runs was told what stood here then.
	Environment steps.Table `json:"environment,omitempty"`
	Moderator   Moderator   `json:"moderator"`
	// Compose is the project, on that target.
	Compose *ComposeState `json:"compose,omitempty"`
	Filling Filling       `json:"filling"`
}

// Filling is what the blog is filled with, once.
type Filling struct {
	Posts int   `json:"posts"`
	Seed  int64 `json:"seed"`
	Done  bool  `json:"done"`
}

// External are the addresses of infrastructure that the user runs.
type External struct {
	Postgres string `json:"postgres,omitempty"`
	// Databases are those beside Postgres, by the name in ${postgres.url:NAME}. What is
	// missing is made on the server of Postgres.
	Databases map[string]string `json:"databases,omitempty"`
	Redis     string            `json:"redis,omitempty"`
	Kafka     string            `json:"kafka,omitempty"`
	Port      int               `json:"port,omitempty"` // of the gateway, 0 for a free one
	// Fill says that the user asked for a blog filled with so many posts; only then
	// is a database that the user gave filled although it is in use.
	Fill bool `json:"fill,omitempty"`
}

// Ports of a replica, on loopback.
type Ports struct {
	Public int `json:"public"`
	Admin  int `json:"admin"`
}

// Instance is one replica of a process. Of a child process the pid is kept, and the time
// of its start with it: a pid alone names no process for long.
type Instance struct {
	Name    string `json:"name"`
	Process string `json:"process"`
	PID     int    `json:"pid,omitempty"`
	Started string `json:"started,omitempty"`
}

// Settings is the truth behind the file that the replicas watch.
type Settings struct {
	Revision   int64  `json:"revision"`
	Store      string `json:"store"`
	Generation int    `json:"generation"`
	UserCache  string `json:"user_cache"`
}

// Routes is the truth behind the gateway's file.
type Routes struct {
	Revision int64  `json:"revision"`
	Step     string `json:"step"` // whose gateway.yaml it is, or STEP/NAME for a variant
	Home     string `json:"home"` // who owns the sessions without an affinity cookie
	// Affinity counts how often affinity was turned on; each time has a cookie of
	// its own. A browser keeps the cookie of the time before, and the replica that
	// it names may run again by now and know nothing of its session.
	Affinity int `json:"affinity"`
	// Shares are what routes were ramped to since the gateway got these routes.
	Shares map[string]ramp.Share `json:"shares,omitempty"`
	// Resources are who owns what since the first hand-over, as the routes say; before,
	// it is what the step's gateway.yaml says. It outlives the step's routes.
	Resources map[string]Owned `json:"resources,omitempty"`
}

// Owned is who owns a resource, and since which hand-over.
type Owned struct {
	Owner string `json:"owner"`
	Epoch int64  `json:"epoch"`
}

// Moderator is the account that the acceptance suite moderates with.
type Moderator struct {
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
}

func readState(dir string) (*State, error) {
	content, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the run: %w", err)
	}
	var s State
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("%s is no run: %w: end what it started by hand and remove the folder", filepath.Join(dir, "run.json"), err)
	}
	if s.Owner == "" || s.Token == "" {
		return nil, fmt.Errorf("%s is no run: choose an empty or a new folder with --run-dir", filepath.Join(dir, "run.json"))
	}
	return &s, nil
}

func (r *Run) save() error {
	content, err := json.MarshalIndent(r.state, "", "  ")
	if err != nil {
		return fmt.Errorf("write the run: %w", err)
	}
	// It holds the admin token and perhaps a password.
	return watch.Write(r.folder.path("run.json"), content, 0o600)
}
