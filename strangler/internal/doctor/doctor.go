// Package doctor looks at this machine before something goes wrong on it: what the
// tool needs, what it would like, and how to get it. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"banyan.dev/platform/embedded"
)

// State of a finding.
type State string

// What is fine needs nothing, what would be Better works without, what is Missing
// has to be there.
const (
	Fine    State = "ok"
	Better  State = "note"
	Missing State = "MISSING"
)

// Finding is one thing that was looked at.
type Finding struct {
	What   string
	State  State
	Detail string
	Mend   string // empty when nothing has to be done
}

// Examine looks at everything. dir is where a run would live.
func Examine(ctx context.Context, dir string) []Finding {
	return []Finding{
		golang(ctx), postgres(ctx), redis(), ports(), folder(dir), disk(dir),
	}
}

func golang(ctx context.Context) Finding {
	out, err := exec.CommandContext(ctx, "go", "version").Output()
	if err != nil {
		return Finding{"go", Missing, "go does not run: " + err.Error(), "install Go 1.26 or newer from https://go.dev/dl and add its bin folder to PATH"}
	}
	return Finding{What: "go", State: Fine, Detail: strings.TrimSpace(string(out))}
}

func postgres(ctx context.Context) Finding {
	bin, err := embedded.LocalPostgres(ctx)
	if err != nil {
		return Finding{"postgresql", Better, err.Error() + ": the first run will fetch them, 15 MB, from Maven Central",
			"or install it: apt install postgresql, brew install postgresql; or give --postgres-url"}
	}
	return Finding{What: "postgresql", State: Fine, Detail: fmt.Sprintf("version %d in %s", bin.Version, bin.Dir)}
}

func redis() Finding {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return Finding{"redis", Better, "no redis-server in PATH: a library takes its place", "a real one is nearer to production: apt install redis-server, brew install redis"}
	}
	return Finding{What: "redis", State: Fine, Detail: program}
}

func ports() Finding {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Finding{"ports", Missing, "can't listen on 127.0.0.1: " + err.Error(), "let programs listen on loopback"}
	}
	_ = l.Close() // it was only a try
	return Finding{What: "ports", State: Fine, Detail: "programs can listen on 127.0.0.1"}
}

func folder(dir string) Finding {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return Finding{"folder", Missing, err.Error(), "choose a folder that can be written, with --run-dir"}
	}
	try, err := os.CreateTemp(filepath.Dir(dir), ".doctor-*")
	if err != nil {
		return Finding{"folder", Missing, err.Error(), "choose a folder that can be written, with --run-dir"}
	}
	_ = try.Close()
	_ = os.Remove(try.Name())
	return Finding{What: "folder", State: Fine, Detail: dir}
}

// enough is what binaries, a data folder and logs take, with room to spare.
const enough = 1 << 30

func disk(dir string) Finding {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(dir), &fs); err != nil {
		return Finding{"disk", Better, "the free space is unknown: " + err.Error(), "see that 1 GiB is free"}
	}
	free := int64(fs.Bavail) * int64(fs.Bsize) //nolint:unconvert // the fields' types differ between systems
	if free < enough {
		return Finding{"disk", Missing, fmt.Sprintf("%d MiB free for %s", free>>20, dir), "free 1 GiB, or choose another disk with --run-dir"}
	}
	return Finding{What: "disk", State: Fine, Detail: fmt.Sprintf("%d GiB free", free>>30)}
}
