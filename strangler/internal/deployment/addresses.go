package deployment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"banyan.dev/strangler/internal/infra"
	"banyan.dev/strangler/internal/steps"
)

// urls are the public addresses of a host's replicas, with commas: those that run, and
// those that will in the step that is being reached. Ports stay the same, so whoever
// is told them before the host starts, or while a replica of it is down, finds it. A
// fault that was planted for who asks stands in a replica's place.
func (r *Run) urls(host, asker string) (string, error) {
	p := r.path.Processes[host]
	names := r.replicas(host)
	var wanted []string
	for i := range r.reaching().Replicas(host) {
		wanted = append(wanted, replicaName(p, i))
	}
	var urls []string
	for _, name := range union(names, wanted) {
		if f, broken := r.between[asker][name]; broken {
			urls = append(urls, f.url)
			continue
		}
		ports, err := r.ports(name)
		if err != nil {
			return "", err
		}
		urls = append(urls, "http://"+loopback(ports.Public))
	}
	return strings.Join(urls, ","), nil
}

// reaching is the step that is being brought up or walked to, else the one that was
// reached last.
func (r *Run) reaching() steps.Step {
	name := r.bringingUp
	if name == "" {
		name = r.journal.At()
		if walk, _, open := r.journal.Open(); open {
			name = walk.To
		}
	}
	i, err := r.path.Index(name)
	if err != nil {
		return steps.Step{}
	}
	return r.path.Steps[i]
}

// provideDatabase makes a database of its own, with a role of its own, beside the one
// that the user gave, and remembers its address.
func (r *Run) provideDatabase(ctx context.Context, name string) (string, error) {
	if address := r.state.Provided[name]; address != "" {
		return address, nil
	}
	beside, err := r.besides(name)
	if err != nil {
		return "", err
	}
	address, err := infra.Provide(ctx, r.state.External.Postgres, infra.Account{Name: beside, Password: rand.Text()})
	if err != nil {
		return "", r.wantsDatabase(name, err)
	}
	r.progress(fmt.Sprintf("made database %s with a role of the same name at the server of --postgres-url; it stays there", beside))
	if r.state.Provided == nil {
		r.state.Provided = map[string]string{}
	}
	r.state.Provided[name] = address
	return address, r.save()
}

// besides is what a database of that name is called beside the user's own.
func (r *Run) besides(name string) (string, error) {
	config, err := pgx.ParseConfig(r.state.External.Postgres)
	if err != nil {
		return "", errors.New("--postgres-url is no PostgreSQL address: write postgres://user:password@host:port/database")
	}
	return config.Database + "_" + name, nil
}

// wantsDatabase says what must be there when it can't be made.
func (r *Run) wantsDatabase(name string, why error) error {
	beside, err := r.besides(name)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s needs a database of its own: %w: give it with --database %s=postgres://user:password@host:port/%s, or let somebody "+
		"who may do this at the server of --postgres-url: CREATE ROLE %s LOGIN PASSWORD '...'; CREATE DATABASE %s OWNER %s; REVOKE ALL ON DATABASE %s FROM PUBLIC",
		name, why, name, beside, beside, beside, beside, beside)
}

// CheckDatabases looks ahead whether each database that is needed on the way to a step
// is there or can be made, where the user gave a server.
func (r *Run) CheckDatabases(ctx context.Context, to int) error {
	x := r.state.External
	for _, name := range sortedKeys(x.Databases) {
		if _, ok := r.path.FirstWith(name); !ok {
			return fmt.Errorf("--database %s=...: no process has a database of that name: use one of %s", name, strings.Join(r.path.Databases(), ", "))
		}
		if err := reachPostgres(ctx, "--database "+name, x.Databases[name]); err != nil {
			return err
		}
	}
	if x.Postgres == "" {
		return nil
	}
	for _, name := range r.path.Databases() {
		first, ok := r.path.FirstWith(name)
		if !ok || first > to || x.Databases[name] != "" || r.state.Provided[name] != "" {
			continue
		}
		if err := infra.MayProvide(ctx, x.Postgres); err != nil {
			return r.wantsDatabase(name, err)
		}
	}
	return nil
}
