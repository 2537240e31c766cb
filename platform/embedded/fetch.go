package embedded

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/xi2/xz"
)

// FindPostgres returns binaries to run: local ones, else ones fetched into the
// cache, once. progress, which may be nil, hears before something is fetched.
func FindPostgres(ctx context.Context, progress func(string)) (Binaries, error) {
	bin, err := LocalPostgres(ctx)
	if !errors.Is(err, ErrNoPostgres) {
		return bin, err
	}
	cache, err := CacheDir()
	if err != nil {
		return Binaries{}, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	source := mavenCentral(os.Getenv("BANYAN_MAVEN_URL"))
	bin, err = source.fetch(ctx, cache, progress)
	if err != nil {
		return Binaries{}, fmt.Errorf("%w, and fetching them failed: %w: install PostgreSQL %d or newer "+
			"(Debian: apt install postgresql; macOS: brew install postgresql), or give the address of a running one",
			ErrNoPostgres, err, oldestPostgres)
	}
	return bin, nil
}

// source is where binaries are fetched from: the ones that Zonky builds for tests
// and publishes on Maven Central, https://github.com/zonkyio/embedded-postgres-binaries.
type source struct {
	base    string
	version string
	client  *http.Client
	sha256  map[string]string // by platform; what was fetched must be what was looked at
}

func mavenCentral(base string) source {
	if base == "" {
		base = "https://repo1.maven.org/maven2"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // with the proxy settings of the environment
	transport.DisableKeepAlives = true                           // one request, and nothing left running after it
	return source{
		base: base, version: "17.5.0", client: &http.Client{Timeout: 5 * time.Minute, Transport: transport},
		sha256: map[string]string{
			"linux-amd64":    "646f3269075d1a23904127374e3cdbcef96beb32979fedee25d835877400fcbe",
			"linux-arm64v8":  "e02f27ff50ff2d90b6541d54f3f108505aacd84ea53c2890e976a684bfea2752",
			"darwin-amd64":   "fb70f783928e77c3d6ef5ca8ed644f1ac502f740fcfc032a375c8347820f2bdd",
			"darwin-arm64v8": "e9d3398e10c2ec926395498b03e75ad1a24eeaed82895e756a7e173b202cf6de",
		},
	}
}

func platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	return runtime.GOOS + "-" + arch
}

func (s source) fetch(ctx context.Context, cache string, progress func(string)) (Binaries, error) {
	dir := filepath.Join(cache, "postgres-binaries-"+s.version)
	if bin, err := probe(ctx, filepath.Join(dir, "bin")); err == nil {
		return bin, nil
	}
	want, ok := s.sha256[platform()]
	if !ok {
		return Binaries{}, fmt.Errorf("there are no ready-made binaries for %s", platform())
	}
	artifact := "embedded-postgres-binaries-" + platform()
	url := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", strings.TrimSuffix(s.base, "/"), artifact, s.version, artifact, s.version)
	progress("fetching PostgreSQL " + s.version + ", once")
	jar, err := s.download(ctx, url)
	if err != nil {
		return Binaries{}, err
	}
	if sum := sha256.Sum256(jar); hex.EncodeToString(sum[:]) != want {
		return Binaries{}, fmt.Errorf("%s has SHA-256 %x where %s was expected: it is not used", url, sum, want)
	}
	if err := unpack(jar, dir); err != nil {
		return Binaries{}, fmt.Errorf("unpack %s: %w", url, err)
	}
	return probe(ctx, filepath.Join(dir, "bin"))
}

func (s source) download(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request for %s: %w", url, err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch %s: %s", url, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 200<<20))
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	return body, nil
}

// unpack takes the .txz out of the jar and lays it out in dir, beside it first,
// so that dir is there whole or not at all.
func unpack(jar []byte, dir string) error {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return fmt.Errorf("open the jar: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-*")
	if err != nil {
		return fmt.Errorf("make a folder to unpack in: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("open the folder to unpack in: %w", err)
	}
	for _, f := range archive.File {
		if path.Ext(f.Name) != ".txz" {
			continue
		}
		if err := unpackTxz(f, tmp); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil { // one that doesn't run
			return fmt.Errorf("remove the old binaries: %w", err)
		}
		return os.Rename(tmp, dir)
	}
	return errors.New("the jar holds no .txz")
}

func unpackTxz(f *zip.File, dir string) error {
	compressed, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer compressed.Close()
	plain, err := xz.NewReader(compressed, 0)
	if err != nil {
		return fmt.Errorf("decompress %s: %w", f.Name, err)
	}
	// A root keeps an archive from writing outside of the folder.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer root.Close()
	for entries := tar.NewReader(plain); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		if err := unpackEntry(root, h, entries); err != nil {
			return fmt.Errorf("write %s: %w", h.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		out, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, os.FileMode(h.Mode)&0o755|0o444)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, content); err != nil {
			_ = out.Close()
			return err
		}
		return out.Close()
	default:
		return nil
	}
}
