package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"banyan.dev/features/contracts"
)

// Schema is the part of JSON Schema that events need. Objects allow properties that
// they don't name: readers ignore them, and so a field can be added.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	MinLength   *int               `json:"minLength,omitempty"`
	Enum        []string           `json:"enum,omitempty"`           // all there are: readers may count on it
	Known       []string           `json:"x-known-values,omitempty"` // more may come: readers ignore others
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Defs        map[string]*Schema `json:"$defs,omitempty"`
}

const (
	dialect  = "https://json-schema.org/draft/2020-12/schema"
	uuidForm = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
	hashForm = "^[0-9a-f]{64}$"
)

// Docs are the comments of types and their fields, as "Type" and "Type.Field".
type Docs map[string]string

// Of makes the schema of an event from its Go type. A field is required unless its
// tag says omitempty; the tag schema says what more it must be (uuid, hash, text,
// positive, count).
func Of(e contracts.Event, docs Docs) (*Schema, error) {
	t := reflect.TypeOf(e)
	g := generator{docs: docs, defs: map[string]*Schema{}}
	s, err := g.object(t)
	if err != nil {
		return nil, fmt.Errorf("make the schema of %s: %w", e.EventType(), err)
	}
	s.Dialect, s.ID = dialect, "https://banyan.dev/schemas/"+e.EventType()+".json"
	s.Title = e.EventType()
	if len(g.defs) > 0 {
		s.Defs = g.defs
	}
	return s, nil
}

// JSON is the schema as a file.
func (s *Schema) JSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("write schema %s: %w", s.Title, err)
	}
	return out.Bytes(), nil
}

type generator struct {
	docs Docs
	defs map[string]*Schema
}

func (g *generator) object(t reflect.Type) (*Schema, error) {
	s := &Schema{Type: "object", Description: g.docs[t.Name()], Properties: map[string]*Schema{}}
	if err := g.fields(s, t); err != nil {
		return nil, err
	}
	slices.Sort(s.Required)
	return s, nil
}

func (g *generator) fields(s *Schema, t reflect.Type) error {
	for f := range t.Fields() {
		if f.Anonymous { // its fields are the event's own, as encoding/json has it
			if err := g.fields(s, f.Type); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			return fmt.Errorf("%s.%s has no name in JSON: give it a json tag", t.Name(), f.Name)
		}
		p, err := g.value(f.Type)
		if err == nil {
			err = refine(p, f.Tag.Get("schema"))
		}
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t.Name(), f.Name, err)
		}
		p.Description = g.docs[t.Name()+"."+f.Name]
		s.Properties[name] = p
		if options != "omitempty" {
			s.Required = append(s.Required, name)
		}
	}
	return nil
}

func (g *generator) value(t reflect.Type) (*Schema, error) {
	if t == reflect.TypeFor[time.Time]() {
		return &Schema{Type: "string", Format: "date-time"}, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.value(t.Elem())
	case reflect.String:
		s := &Schema{Type: "string"}
		s.Enum, s.Known = texts(t, "Values"), texts(t, "Known")
		return s, nil
	case reflect.Bool:
		return &Schema{Type: "boolean"}, nil
	case reflect.Int, reflect.Int64:
		return &Schema{Type: "integer"}, nil
	case reflect.Slice:
		items, err := g.value(t.Elem())
		return &Schema{Type: "array", Items: items}, err
	case reflect.Struct:
		return g.define(t)
	}
	return nil, fmt.Errorf("there is no schema for a %s: use text, numbers, times, lists and structs", t)
}

// define puts a struct among the definitions, once.
func (g *generator) define(t reflect.Type) (*Schema, error) {
	ref := &Schema{Ref: "#/$defs/" + t.Name()}
	if g.defs[t.Name()] != nil {
		return ref, nil
	}
	g.defs[t.Name()] = &Schema{} // so that a type which holds itself ends
	s, err := g.object(t)
	if err != nil {
		return nil, err
	}
	g.defs[t.Name()] = s
	return ref, nil
}

// texts calls a type's method that lists its values; nil where there is none.
func texts(t reflect.Type, method string) []string {
	m := reflect.Zero(t).MethodByName(method)
	if !m.IsValid() {
		return nil
	}
	var all []string
	list := m.Call(nil)[0]
	for i := range list.Len() {
		all = append(all, list.Index(i).String())
	}
	return all
}

func refine(s *Schema, rule string) error {
	number := func(n int) *int { return &n }
	switch rule {
	case "":
	case "uuid":
		s.Format, s.Pattern = "uuid", uuidForm
	case "hash":
		s.Pattern = hashForm
	case "text":
		s.MinLength = number(1)
	case "positive":
		s.Minimum = number(1)
	case "count":
		s.Minimum = number(0)
	default:
		return fmt.Errorf("schema tag %q is not known: use uuid, hash, text, positive or count", rule)
	}
	return nil
}
