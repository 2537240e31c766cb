package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"slices"
	"strings"

	"banyan.dev/gateway/internal/control/picture"
	"banyan.dev/gateway/internal/control/status"
)

// Path is where people look. The data plane never routes it.
const Path = "/_strangler/"

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

var templates = template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/*.html"))

// Build names these templates and assets: a page that an older binary wrote reloads
// itself when it hears of another one.
var Build = build()

// Assets are the styles and modules.
func Assets() fs.FS {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		return assetFiles // can't be: the name is a constant that is embedded
	}
	return files
}

// View is what a page shows.
type View struct {
	status.Status
	// Config is the configuration in force, as text.
	Config string
	// Refresh is how often a page without script asks to be read again, in seconds;
	// 0 is never.
	Refresh int
}

// Pictures are the topology's layouts.
func (v View) Pictures() []picture.Drawing { return picture.All(v.Status) }

// Build is the page's.
func (v View) Build() string { return Build }

// Section is a part of the page that changes by itself.
type Section struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// sections are the templates that are sections, in the page's order; each has one
// element with its name as id.
var sections = []string{"summary", "picture", "routes", "resources", "owners", "history", "configuration"}

// Write writes the whole page.
func Write(w io.Writer, v View) error {
	if err := templates.ExecuteTemplate(w, "page", v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// Sections draws all sections.
func Sections(v View) ([]Section, error) {
	out := make([]Section, 0, len(sections))
	var text bytes.Buffer
	for _, id := range sections {
		text.Reset()
		if err := templates.ExecuteTemplate(&text, id, v); err != nil {
			return nil, fmt.Errorf("write section %s: %w", id, err)
		}
		out = append(out, Section{ID: id, HTML: text.String()})
	}
	return out, nil
}

func build() string {
	sum := sha256.New()
	for _, files := range []fs.FS{templateFiles, assetFiles} {
		_ = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, path)
			sum.Write(text)
			return err
		})
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// Health says in a sentence or two how it goes, without numbers that move: screen
// readers read it out whenever it changes.
func (v View) Health() string {
	if v.Revision == 0 && len(v.Routes) == 0 {
		return "No configuration is in force yet."
	}
	var parts []string
	if v.Draining {
		parts = append(parts, "This gateway is draining.")
	}
	parts = append(parts, v.ownersHealth()...)
	if held := v.held(); len(held) > 0 {
		parts = append(parts, "Held: "+strings.Join(held, ", ")+".")
	}
	if v.Refused() != nil {
		parts = append(parts, "The last configuration was refused.")
	}
	return strings.Join(parts, " ")
}

func (v View) ownersHealth() []string {
	var parts []string
	replicas := 0
	for _, o := range v.Owners {
		replicas += len(o.Replicas)
		unwell := 0
		for _, r := range o.Replicas {
			if picture.Health(r) != picture.Well {
				unwell++
			}
		}
		switch {
		case len(o.Replicas) == 0:
			parts = append(parts, o.Name+": no replica is known.")
		case unwell > 0:
			parts = append(parts, fmt.Sprintf("%s: %d of %s well.", o.Name, len(o.Replicas)-unwell, count(len(o.Replicas), "replica")))
		}
		if o.Breaker != nil && o.Breaker.State != status.Closed {
			parts = append(parts, fmt.Sprintf("%s: breaker %s.", o.Name, strings.ReplaceAll(o.Breaker.State, "_", " ")))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("All is well: %s of %s.", count(replicas, "replica"), count(len(v.Owners), "owner")))
	}
	return parts
}

func (v View) held() []string {
	var names []string
	for _, r := range v.Routes {
		if r.Hold.Held {
			names = append(names, r.Name)
		}
	}
	return names
}

// Refused is the last refused configuration while nothing newer is in force: the
// one that somebody still waits for.
func (v View) Refused() *status.Refused {
	if r := v.LastRefused; r != nil && r.At.After(v.Since) {
		return r
	}
	return nil
}

// TellsUses is whether any owner tells what it works with.
func (v View) TellsUses() bool {
	return slices.ContainsFunc(v.Owners, func(o status.Owner) bool { return len(o.Uses) > 0 })
}

// remembered is how many changes a gateway tells of: with fewer, the last of them is
// the first there was.
const remembered = 50

// Oldest tells whether the i-th change is the first since the gateway began.
func (v View) Oldest(i int) bool { return i == len(v.History)-1 && len(v.History) < remembered }
