package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"banyan.dev/gateway/internal/config"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("gateway.schema.json", doc))
	compiled, err := c.Compile("gateway.schema.json")
	require.NoError(t, err)
	return compiled
}

// asEditors sees a file as editors do: YAML's values, as the schema judges them.
func asEditors(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal(text, &value))
	asJSON, err := json.Marshal(value)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return doc
}

func TestTheSchemaTakesEveryFileThatIsShipped(t *testing.T) {
	compiled := compiledSchema(t)
	files, err := filepath.Glob("../migration-steps/*/gateway*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range append(files, "example.yaml") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = config.Parse(file, text)
		require.NoError(t, err)
		require.NoError(t, compiled.Validate(asEditors(t, text)), file)
	}
}

// A place is where a field stands: routes[].shadow.compare, owners{}.health.
type place []string

func (p place) String() string {
	return strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(strings.Join(p, "."))
}

func (p place) to(name string) place { return append(slices.Clone(p), name) }

// nest builds a file that holds nothing but the value, at the place.
func (p place) nest(value any) any {
	for _, step := range slices.Backward(p) {
		switch step {
		case "[]":
			value = []any{value}
		case "{}":
			value = map[string]any{"x": value}
		default:
			value = map[string]any{step: value}
		}
	}
	return value
}

// field is the place as the parser's errors name it in such a file.
func (p place) field(name string) string {
	return strings.NewReplacer(".[]", "[0]", ".{}", ".x").Replace(strings.Join(p.to(name), "."))
}

func problemsOf(t *testing.T, file any) config.Errors {
	t.Helper()
	text, err := json.Marshal(file)
	require.NoError(t, err)
	_, err = config.Parse("probe", text)
	var problems config.Errors
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	return problems
}

// knownTo asks the parser which fields it knows at a place: it names them when it
// meets one that it does not know.
func knownTo(t *testing.T, p place) []string {
	t.Helper()
	for _, problem := range problemsOf(t, p.nest(map[string]any{"?": 1})) {
		known, ok := strings.CutPrefix(problem.Detail, "is no field here; known: ")
		if ok && problem.Field == p.field("?") {
			return strings.Split(known, ", ")
		}
	}
	return nil
}

// neededAt asks the parser which fields must be at a place.
func neededAt(t *testing.T, p place) []string {
	t.Helper()
	needed := []string{}
	for _, problem := range problemsOf(t, p.nest(map[string]any{})) {
		parent, name, _ := cutLast(problem.Field)
		if parent == strings.TrimSuffix(p.field(""), ".") && strings.HasPrefix(problem.Detail, "is missing") {
			needed = append(needed, name)
		}
	}
	slices.Sort(needed)
	return needed
}

func cutLast(field string) (before, after string, ok bool) {
	i := strings.LastIndexByte(field, '.')
	if i < 0 {
		return "", field, false
	}
	return field[:i], field[i+1:], true
}

type object struct{ known, needed []string }

func walkParser(t *testing.T, p place, found map[string]object) {
	t.Helper()
	known := knownTo(t, p)
	if known == nil {
		return
	}
	found[p.String()] = object{known, neededAt(t, p)}
	for _, name := range known {
		field := p.to(name)
		walkParser(t, field, found)
		walkParser(t, field.to("[]"), found)
		walkParser(t, field.to("{}"), found)
	}
}

func walkSchema(s *jsonschema.Schema, p place, found map[string]object) {
	s = behind(s)
	if len(s.Properties) > 0 {
		needed := append([]string{}, s.Required...)
		if len(s.OneOf) > 0 {
			needed = append(needed, s.OneOf[0].Required...) // what the parser asks for where none is
		}
		slices.Sort(needed)
		found[p.String()] = object{slices.Sorted(maps.Keys(s.Properties)), needed}
	}
	for name, property := range s.Properties {
		walkSchema(property, p.to(name), found)
	}
	if items, ok := s.Items.(*jsonschema.Schema); ok {
		walkSchema(items, p.to("[]"), found)
	}
	if more, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		walkSchema(more, p.to("{}"), found)
	}
}

// behind follows references to what says more than another reference.
func behind(s *jsonschema.Schema) *jsonschema.Schema {
	for {
		switch {
		case s.Ref != nil:
			s = s.Ref
		case len(s.AllOf) == 1 && s.AllOf[0].Ref != nil && s.Types == nil:
			s = s.AllOf[0].Ref
		default:
			return s
		}
	}
}

func TestSchemaAndParserKnowTheSameFields(t *testing.T) {
	parser, editors := map[string]object{}, map[string]object{}
	walkParser(t, nil, parser)
	walkSchema(compiledSchema(t), nil, editors)
	require.Greater(t, len(parser), 15, "the walk found the parser's objects")
	require.Equal(t, parser, editors)
	for at, o := range editors {
		t.Log(at, o.known)
	}
}

// full has every object of the format, each with as little in it as it needs.
const full = `{
  "clients": {"session_cookie": "session", "trusted_proxies": ["10.0.0.0/8"], "rate_limit": {"requests": 1, "per": "1s"}},
  "identity": {"owner": "comments"},
  "resources": {"x": {"owner": "comments", "epoch": 1}},
  "owners": {
    "x": {
      "address": "http://x", "replicas": [{"name": "monolith-0", "url": "http://x"}], "health": {}, "affinity": {"session_cookie": "session"},
      "retries": {}, "breaker": {}, "outliers": {}, "topology": {"path": "/t"}
    },
    "comments": {"address": "http://c"}
  },
  "routes": [{
    "match": {"path": "/*", "methods": ["GET"]}, "owner": "x", "hold": {}, "rate_limit": {"requests": 1, "per": "1s"},
    "canary": {"owner": "comments", "percent": 1}, "shadow": {"owner": "comments", "pass": {}, "compare": {}}
  }]
}`

// with returns the full file with a value set at a place.
func with(t *testing.T, p place, value any) []byte {
	t.Helper()
	var file any
	require.NoError(t, json.Unmarshal([]byte(full), &file))
	text, err := json.Marshal(set(file, p, value))
	require.NoError(t, err)
	return text
}

func set(into any, p place, value any) any {
	if len(p) == 0 {
		return value
	}
	if p[0] == "[]" {
		list, _ := into.([]any)
		if len(list) == 0 {
			list = []any{nil}
		}
		list[0] = set(list[0], p[1:], value)
		return list
	}
	step := p[0]
	if step == "{}" {
		step = "x"
	}
	mapping, ok := into.(map[string]any)
	if !ok {
		mapping = map[string]any{}
	}
	mapping[step] = set(mapping[step], p[1:], value)
	return mapping
}

// eachField calls f for every field of the schema and every item of its lists.
func eachField(s *jsonschema.Schema, p place, f func(p place, s *jsonschema.Schema)) {
	if len(p) > 0 {
		f(p, s)
	}
	s = behind(s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		eachField(s.Properties[name], p.to(name), f)
	}
	if items, ok := s.Items.(*jsonschema.Schema); ok {
		eachField(items, p.to("[]"), f)
	}
	if more, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		eachField(more, p.to("{}"), f)
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	eachField(compiledSchema(t), nil, func(p place, s *jsonschema.Schema) {
		if last := p[len(p)-1]; last != "[]" && last != "{}" {
			require.NotEmpty(t, s.Description, p.String())
		}
	})
}

func TestTheExampleShowsEveryField(t *testing.T) {
	text, err := os.ReadFile("example.yaml")
	require.NoError(t, err)
	eachField(compiledSchema(t), nil, func(p place, _ *jsonschema.Schema) {
		if last := p[len(p)-1]; last != "[]" && last != "{}" {
			require.Regexp(t, `\b`+last+`:`, string(text), p.String())
		}
	})
}

// A default means: written down, it changes nothing.
func TestTheDefaultsOfTheSchemaAreThoseOfTheParser(t *testing.T) {
	parse := func(text []byte) *config.Config {
		c, err := config.Parse("gateway.yaml", text)
		require.NoError(t, err, string(text))
		c.Source = nil
		return c
	}
	without := parse([]byte(full))
	defaults := 0
	eachField(compiledSchema(t), nil, func(p place, s *jsonschema.Schema) {
		if s.Default == nil {
			return
		}
		defaults++
		require.Equal(t, without, parse(with(t, p, *s.Default)), p.String())
	})
	require.Greater(t, defaults, 20)
}

func TestTheExamplesOfTheSchemaAreValid(t *testing.T) {
	compiled := compiledSchema(t)
	examples := 0
	eachField(compiled, nil, func(p place, s *jsonschema.Schema) {
		for _, value := range append(slices.Clone(s.Examples), behind(s).Examples...) {
			examples++
			text := with(t, p, value)
			_, err := config.Parse("gateway.yaml", text)
			require.NoError(t, err, p.String())
			require.NoError(t, compiled.Validate(asEditors(t, text)), p.String())
		}
	})
	require.Greater(t, examples, 50)
}
