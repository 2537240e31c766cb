package embedded

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that PostgreSQL runs as. PostgreSQL refuses root, so as
// root we step down to a user that exists (initdb looks it up in passwd);
// otherwise it is ourselves.
type account struct {
	name       string
	credential *syscall.Credential // nil: our own
}

// unprivileged are tried in this order: the first is there where PostgreSQL was
// installed as a package, the second nearly everywhere.
var unprivileged = []string{"postgres", "nobody"}

func findAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range unprivileged {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return account{name: name, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, fmt.Errorf("PostgreSQL refuses to run as root and no user %q exists to run it as: "+
		"create one (useradd --system postgres), or start as another user", unprivileged)
}

// own gives path to the account.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// mayEnter checks that the account can reach path, and names the folder that is
// in the way: PostgreSQL itself would only say "permission denied".
func (a account) mayEnter(path string) error {
	if a.credential == nil {
		return nil
	}
	for dir := path; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("look at folder %s: %w", dir, err)
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if ok && owner.Uid == a.credential.Uid {
			continue
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("PostgreSQL runs as user %s, who can't enter %s (mode %s): choose a folder that others can enter, or chmod o+x it",
				a.name, dir, info.Mode().Perm())
		}
	}
	return nil
}

// CacheDir is where binaries and the pristine data folder are kept between runs.
// It is the user's cache folder; for root it is /var/cache, since root's home
// can't be entered by the user that PostgreSQL runs as.
func CacheDir() (string, error) {
	dir := "/var/cache/banyan"
	if os.Geteuid() != 0 {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the user's cache folder: %w", err)
		}
		dir = filepath.Join(cache, "banyan")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return dir, nil
}
