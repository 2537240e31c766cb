package deployment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"banyan.dev/strangler/internal/complaints"
	"banyan.dev/strangler/internal/kube"
)

// Meanwhile is what processes complained of in a span of time, so that somebody who was
// told that something did not hold is told why, too.
type Meanwhile struct {
	Complaints []complaints.Complaint `json:"complaints"`
	// More is how many complaints there were besides, less bad ones.
	More int `json:"more,omitempty"`
	// Error is what kept some log from being read, empty if all were.
	Error string `json:"error,omitempty"`
}

// logReader takes one replica's log, or a part of it that begins early enough.
type logReader func(process, replica string, log io.Reader) error

// Complaints are the worst things, at most so many, that the run's processes wrote into
// their logs from since to until; a zero until is now. Those that have ended meanwhile are
// among them as far as the target keeps their logs: this machine does, and an engine or a
// cluster not longer than the container or the pod is there.
func (r *Run) Complaints(ctx context.Context, since, until time.Time, atMost int) Meanwhile {
	log := complaints.New(since, until, r.secrets()...)
	var m Meanwhile
	if err := r.on.logs(ctx, since, log.Read); err != nil {
		m.Error = err.Error()
	}
	m.Complaints, m.More = log.Worst(atMost)
	return m
}

// Logs says where the run's logs are, for a person.
func (r *Run) Logs() string {
	switch r.Target().Name {
	case Compose:
		return "docker logs CONTAINER, by the names that status shows"
	case Kubernetes:
		return "kubectl logs POD in the namespace " + r.Target().Namespace + ", by the names that status shows"
	default:
		return r.folder.path(logsName)
	}
}

// secrets are those that the run knows, which no line may show.
func (r *Run) secrets() []string {
	all := []string{r.state.Token, r.state.IdentityKey, r.state.Moderator.Password}
	given := []string{r.state.External.Postgres, r.state.External.Redis}
	for _, database := range r.state.External.Databases {
		given = append(given, database)
	}
	for _, text := range given {
		if u, err := url.Parse(text); err == nil && u.User != nil {
			password, _ := u.User.Password()
			all = append(all, password)
		}
	}
	return all
}

// logs of this machine's processes are files, also of those that have ended.
func (l *local) logs(_ context.Context, _ time.Time, read logReader) error {
	files, err := filepath.Glob(l.run.folder.path(logsName, "*.log"))
	if err != nil {
		return fmt.Errorf("look for logs: %w", err)
	}
	var errs []error
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		errs = append(errs, readFile(file, l.run.processOf(name), name, read))
	}
	return errors.Join(errs...)
}

func readFile(file, process, replica string, read logReader) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	defer f.Close()
	return read(process, replica, f)
}

// processOf a replica, or of a host's other program: the longest name of a process that
// its own begins with, since what was stopped is no longer in the run's state.
func (r *Run) processOf(replica string) string {
	longest := ""
	for name := range r.path.Processes {
		if (replica == name || strings.HasPrefix(replica, name+"-")) && len(name) > len(longest) {
			longest = name
		}
	}
	if longest == "" {
		return replica
	}
	return longest
}

// logs of containers are the engine's, of those that are there.
func (c *compose) logs(ctx context.Context, since time.Time, read logReader) error {
	all, err := c.containers.all(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range all {
		if one.Service == "" {
			continue
		}
		how := command{env: os.Environ(), both: true} // hosts write to one, servers to the other
		out, err := docker(ctx, how, "logs", "--since", since.UTC().Format(time.RFC3339Nano), one.ID)
		if err != nil {
			errs = append(errs, fmt.Errorf("the log of %s: %w", one.Name, err))
			continue
		}
		replica := one.Replica
		if replica == "" {
			replica = one.Service
		}
		errs = append(errs, read(one.Service, replica, strings.NewReader(string(out))))
	}
	return errors.Join(errs...)
}

// logs of pods are the cluster's, of those that are there.
func (k *kubernetes) logs(ctx context.Context, since time.Time, read logReader) error {
	pods, err := k.cluster.Pods(ctx, kube.ProcessLabel)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pods {
		runs := []bool{false}
		if p.Crashed {
			runs = []bool{true, false}
		}
		for _, previous := range runs {
			log, err := k.cluster.LogsSince(ctx, p.Name, since, previous)
			if err != nil {
				errs = append(errs, fmt.Errorf("the log of %s: %w", p.Name, err))
				continue
			}
			errs = append(errs, read(p.Process, p.Name, strings.NewReader(log)))
		}
	}
	return errors.Join(errs...)
}
