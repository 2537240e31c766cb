package embedded

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// pristine is a data folder as initdb leaves it, kept in the cache: initdb takes
// 1 to 3 seconds, a copy a quarter of one.
type pristine struct {
	dir      string // holds data/ and password
	password string
}

// locales are tried in this order. The first ones fold the case of all letters,
// which search needs; C is there everywhere.
var locales = []string{"C.UTF-8", "en_US.UTF-8", "C"}

func findPristine(ctx context.Context, bin Binaries, acc account) (pristine, error) {
	cache, err := CacheDir()
	if err != nil {
		return pristine{}, err
	}
	// Other binaries or another user need another folder.
	key := sha256.Sum256([]byte(bin.Dir + "\x00" + acc.name))
	dir := filepath.Join(cache, fmt.Sprintf("postgres-%d-%s", bin.Version, hex.EncodeToString(key[:4])))
	if p, err := readPristine(dir); err == nil {
		return p, nil
	}
	if err := makePristine(ctx, bin, acc, dir); err != nil {
		return pristine{}, err
	}
	return readPristine(dir)
}

func readPristine(dir string) (pristine, error) {
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return pristine{}, fmt.Errorf("read the cached data folder's password: %w", err)
	}
	return pristine{dir: dir, password: string(password)}, nil
}

// makePristine builds beside dir and renames, so that several processes may do
// it at once and a crash leaves nothing half made in dir.
func makePristine(ctx context.Context, bin Binaries, acc account, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".initdb-*")
	if err != nil {
		return fmt.Errorf("make a folder for initdb: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("open the folder for initdb: %w", err)
	}
	password := rand.Text()
	if err := initdb(ctx, bin, acc, tmp, password); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "password"), []byte(password), 0o600); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("keep the pristine data folder: %w", err)
	}
	return nil
}

func initdb(ctx context.Context, bin Binaries, acc account, dir, password string) error {
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := acc.own(data); err != nil {
		return err
	}
	if err := acc.mayEnter(dir); err != nil {
		return err
	}
	pwfile := filepath.Join(dir, "pwfile")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the password for initdb: %w", err)
	}
	defer os.Remove(pwfile)
	if err := acc.own(pwfile); err != nil {
		return err
	}
	var last error
	for _, locale := range locales {
		cmd := exec.CommandContext(ctx, filepath.Join(bin.Dir, "initdb"), "--pgdata="+data, "--username=postgres",
			"--encoding=UTF8", "--locale="+locale, "--wal-segsize=4", "--no-sync",
			"--auth=scram-sha-256", "--pwfile="+pwfile)
		cmd.Dir = "/"
		cmd.Env = serverEnvironment()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: acc.credential}
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		last = fmt.Errorf("initdb with locale %s: %w: %s", locale, err, lastLines(out, 5))
		if ctx.Err() != nil || !strings.Contains(string(out), "locale name") {
			return last
		}
	}
	return last
}

// copyTo copies the pristine data folder. The copy is made by the account
// itself, so that it owns what it made.
func (p pristine) copyTo(ctx context.Context, acc account, dir string) error {
	if err := acc.mayEnter(dir); err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := acc.own(data); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "cp", "-R", filepath.Join(p.dir, "data")+"/.", data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: acc.credential}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the pristine data folder: %w: %s", err, lastLines(out, 3))
	}
	// Written last: a folder with a password is a complete one.
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(p.password), 0o600); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	return nil
}

// serverEnvironment leaves out what would steer PostgreSQL's programs (PGDATA,
// PGPORT and their like, another language in the messages we read).
func serverEnvironment() []string {
	env := []string{"LC_MESSAGES=C"}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANG") {
			env = append(env, kv)
		}
	}
	return env
}

func lastLines(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "; ")
}
