package schemas

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"banyan.dev/features/contracts"
)

//go:embed *.json
var committed embed.FS

// Committed are the schemas of this package, for catalogues and validators.
func Committed() fs.FS { return committed }

// Revisions are the schemas of an event in a folder, from the first to today's; none
// is no error. A number left out is: somebody threw one away.
func Revisions(folder fs.FS, eventType string) ([]*Schema, error) {
	var all []*Schema
	for n := 1; ; n++ {
		data, err := fs.ReadFile(folder, FileName(eventType, n))
		if errors.Is(err, fs.ErrNotExist) {
			return all, leftOut(folder, eventType, n)
		}
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		s := &Schema{}
		if err := json.Unmarshal(data, s); err != nil {
			return nil, fmt.Errorf("read schema %s: %w", FileName(eventType, n), err)
		}
		all = append(all, s)
	}
}

func leftOut(folder fs.FS, eventType string, n int) error {
	files, err := fs.Glob(folder, eventType+".*.json")
	if err != nil {
		return fmt.Errorf("list schemas: %w", err)
	}
	if len(files) != n-1 {
		return fmt.Errorf("schema %s is missing, and there are later ones: events of that time may still be read, so bring it back", FileName(eventType, n))
	}
	return nil
}

// FileName is where a revision is, as in comment.changed.1.json.
func FileName(eventType string, n int) string { return eventType + "." + strconv.Itoa(n) + ".json" }

// Next says what to write so that an event's schemas are in step with its type:
// a file's name and content, or "" when they are. It is an error that today's type
// breaks a revision; what breaks is named.
func Next(folder fs.FS, e contracts.Event, docs Docs) (name string, content []byte, err error) {
	today, err := Of(e, docs)
	if err != nil {
		return "", nil, err
	}
	revisions, err := Revisions(folder, e.EventType())
	if err != nil {
		return "", nil, err
	}
	for i, old := range revisions {
		if found := Breaks(old, today); len(found) > 0 {
			return "", nil, fmt.Errorf("%s can't be read by all any more (%s): %s; keep the field, or make an event of another type", e.EventType(), FileName(e.EventType(), i+1), strings.Join(found, "; "))
		}
	}
	if content, err = today.JSON(); err != nil {
		return "", nil, err
	}
	n := len(revisions)
	if n > 0 && same(revisions[n-1], today) {
		written, err := revisions[n-1].JSON()
		if err != nil || string(written) == string(content) {
			return "", nil, err
		}
		return FileName(e.EventType(), n), content, nil // the words changed, not what they mean
	}
	return FileName(e.EventType(), n+1), content, nil
}

// same tells whether two schemas differ in words only: each can take the other's
// place, and neither has a field more.
func same(a, b *Schema) bool {
	wordless := func(s *Schema) string {
		data, _ := json.Marshal(strip(s)) // of strings, numbers and maps: never fails
		return string(data)
	}
	return wordless(a) == wordless(b)
}

func strip(s *Schema) *Schema {
	if s == nil {
		return nil
	}
	c := *s
	c.Description, c.Items = "", strip(s.Items)
	each := func(in map[string]*Schema) map[string]*Schema {
		out := map[string]*Schema{}
		for name, inner := range in {
			out[name] = strip(inner)
		}
		return out
	}
	c.Properties, c.Defs = each(s.Properties), each(s.Defs)
	return &c
}

// ReadDocs collects the comments of the types in a package's folder: what the code
// says of a field is what the schema says.
func ReadDocs(folder string) (Docs, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", folder, err)
	}
	docs := Docs{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		for _, d := range parsed.Decls {
			if decl, ok := d.(*ast.GenDecl); ok && decl.Tok == token.TYPE {
				docs.collect(decl)
			}
		}
	}
	return docs, nil
}

func (d Docs) collect(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		t := spec.(*ast.TypeSpec)
		d[t.Name.Name] = oneLine(decl.Doc)
		fields, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				d[t.Name.Name+"."+name.Name] = oneLine(f.Doc)
			}
		}
	}
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
