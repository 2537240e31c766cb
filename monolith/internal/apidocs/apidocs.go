package apidocs

import (
	"bytes"
	"cmp"
	_ "embed" // for the template and the style
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

//go:embed apidocs.html
var page string

//go:embed apidocs.css
var style []byte

// document is what the page needs of an OpenAPI document.
type document struct {
	Info struct {
		Title       string `yaml:"title"`
		Description string `yaml:"description"`
	} `yaml:"info"`
	Tags []struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
	} `yaml:"tags"`
	Paths map[string]map[string]yaml.Node `yaml:"paths"`
}

// operation is one method of one path.
type operation struct {
	Method, Path string
	Summary      string           `yaml:"summary"`
	Description  string           `yaml:"description"`
	Tags         []string         `yaml:"tags"`
	Security     []map[string]any `yaml:"security"`
	Answers      map[string]any   `yaml:"responses"`
}

// Statuses are the operation's, in order.
func (o operation) Statuses() []string {
	var all []string
	for status := range o.Answers {
		all = append(all, status)
	}
	slices.Sort(all)
	return all
}

// SignedIn tells whether somebody has to be.
func (o operation) SignedIn() bool { return len(o.Security) > 0 }

// section is the operations of one tag.
type section struct {
	Name, Description string
	Operations        []operation
}

// Register adds /api/docs to the server. It fails when the document can't be read.
func Register(e *echo.Echo, source []byte) error {
	rendered, err := render(source)
	if err != nil {
		return err
	}
	e.GET("/api/docs", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, rendered) })
	e.GET("/api/docs.css", func(c echo.Context) error { return c.Blob(http.StatusOK, "text/css; charset=utf-8", style) })
	return nil
}

func render(source []byte) ([]byte, error) {
	var d document
	if err := yaml.Unmarshal(source, &d); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	sections, err := d.sections()
	if err != nil {
		return nil, err
	}
	t, err := template.New("apidocs").Parse(page)
	if err != nil {
		return nil, fmt.Errorf("parse template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, map[string]any{"Info": d.Info, "Sections": sections}); err != nil {
		return nil, fmt.Errorf("render OpenAPI document: %w", err)
	}
	return out.Bytes(), nil
}

func (d document) sections() ([]section, error) {
	operations, err := d.operations()
	if err != nil {
		return nil, err
	}
	var all []section
	for _, tag := range d.Tags {
		s := section{Name: tag.Name, Description: tag.Description}
		for _, o := range operations {
			if slices.Contains(o.Tags, tag.Name) {
				s.Operations = append(s.Operations, o)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func (d document) operations() ([]operation, error) {
	var all []operation
	for path, item := range d.Paths {
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			o := operation{Method: strings.ToUpper(method), Path: path}
			if err := node.Decode(&o); err != nil {
				return nil, fmt.Errorf("read %s %s: %w", method, path, err)
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return all, nil
}
