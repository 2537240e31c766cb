package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/problem"
)

// hashLength is how many hexadecimal digits of its hash an address carries.
const hashLength = 12

//go:embed static
var staticFiles embed.FS

// asset is one static file. Its address carries the hash of its content, so that a
// browser may keep it for good and still gets the new one with the next build.
type asset struct {
	content     []byte
	hash        string
	contentType string
}

type assets struct {
	byName map[string]asset // banyan.css
}

func loadAssets() (*assets, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list static files: %w", err)
	}
	a := &assets{byName: map[string]asset{}}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read static file: %w", err)
		}
		sum := sha256.Sum256(content)
		a.byName[entry.Name()] = asset{content, hex.EncodeToString(sum[:hashLength/2]), contentType(entry.Name())}
	}
	return a, nil
}

// contentType asks no system table: the answer must not depend on the machine.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// path is the address of a static file: /static/banyan.0123456789ab.css.
func (a *assets) path(name string) (string, error) {
	file, ok := a.byName[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	ext := path.Ext(name)
	return "/static/" + strings.TrimSuffix(name, ext) + "." + file.hash + ext, nil
}

// logo is the drawing itself, so that it takes the text's colours.
func (a *assets) logo() template.HTML { return template.HTML(a.byName["banyan.svg"].content) }

// find takes the hash out of a file's name. current is false for the hash of
// another build: while two run side by side, a page of one may ask the other.
func (a *assets) find(name string) (file asset, current, ok bool) {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if file, ok = a.byName[name]; ok {
		return file, false, true
	}
	hash := strings.TrimPrefix(path.Ext(stem), ".")
	if len(hash) != hashLength {
		return asset{}, false, false
	}
	file, ok = a.byName[strings.TrimSuffix(stem, "."+hash)+ext]
	return file, hash == file.hash, ok
}

func (p *Pages) static(c echo.Context) error {
	file, current, ok := p.assets.find(c.Param("file"))
	if !ok {
		return problem.New(problem.NotFound, "there is no file %q", c.Param("file"))
	}
	header := c.Response().Header()
	header.Set(echo.HeaderCacheControl, "no-cache")
	if current {
		header.Set(echo.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	header.Del(echo.HeaderVary) // the same for everybody
	header.Set(echo.HeaderContentType, file.contentType)
	header.Set("ETag", `"`+file.hash+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(file.content))
	return nil
}

// favicon is where browsers look that were told nothing, as by an API answer.
func (p *Pages) favicon(c echo.Context) error {
	to, err := p.assets.path("banyan.svg")
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusFound, to)
}
