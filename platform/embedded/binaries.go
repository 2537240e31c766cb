package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
)

// Binaries is a folder with PostgreSQL's programs.
type Binaries struct {
	Dir     string // holds postgres and initdb
	Version int    // major
}

// oldestPostgres is the oldest major version that PostgreSQL itself still
// maintains and that our migrations are tested with.
const oldestPostgres = 14

// installFolders are where packages put the server's programs, which are not in
// PATH on Debian and Red Hat.
var installFolders = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // Red Hat (PGDG)
	"/opt/homebrew/opt/postgresql*/bin", // macOS, Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",    // macOS, Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/libexec/postgresql*", // Alpine
	"/usr/local/pgsql/bin",     // from source
}

// ErrNoPostgres is returned by LocalPostgres when this machine has none that
// will do.
var ErrNoPostgres = errors.New("no PostgreSQL binaries found")

// LocalPostgres finds PostgreSQL's programs on this machine: those in PATH
// first, since that is how a user says which one to take, then the newest of the
// usual install folders.
func LocalPostgres(ctx context.Context) (Binaries, error) {
	return findPostgres(ctx, os.Getenv("PATH"), installFolders)
}

func findPostgres(ctx context.Context, path string, patterns []string) (Binaries, error) {
	for _, dir := range filepath.SplitList(path) {
		if b, err := probe(ctx, dir); err == nil {
			return b, nil
		}
	}
	var found []Binaries
	for _, pattern := range patterns {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return Binaries{}, fmt.Errorf("search %s: %w", pattern, err)
		}
		for _, dir := range dirs {
			if b, err := probe(ctx, dir); err == nil {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		return Binaries{}, ErrNoPostgres
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Version > found[j].Version })
	return found[0], nil
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// probe asks the programs in dir for their version: a folder with a postgres
// that doesn't run (another architecture, a library missing) is none.
func probe(ctx context.Context, dir string) (Binaries, error) {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return Binaries{}, err
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return Binaries{}, fmt.Errorf("%s in %s is no program", name, dir)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("ask %s/postgres for its version: %w", dir, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return Binaries{}, fmt.Errorf("%s/postgres says %q where a version was expected", dir, out)
	}
	version, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return Binaries{}, fmt.Errorf("read the version of %s/postgres: %w", dir, err)
	}
	if version < oldestPostgres {
		return Binaries{}, fmt.Errorf("%s has PostgreSQL %d; %d or newer is needed", dir, version, oldestPostgres)
	}
	return Binaries{Dir: dir, Version: version}, nil
}
