package schemas_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/contracts/schemas"
)

func docs(t *testing.T) schemas.Docs {
	t.Helper()
	docs, err := schemas.ReadDocs("..")
	require.NoError(t, err)
	return docs
}

func TestTheSchemasAreInStepWithTheTypes(t *testing.T) {
	for _, eventType := range contracts.EventTypes() {
		e, _ := contracts.Zero(eventType)
		name, _, err := schemas.Next(schemas.Committed(), e, docs(t))
		require.NoError(t, err)
		require.Empty(t, name, "run: go generate ./contracts/schemas")
	}
	files, err := fs.Glob(schemas.Committed(), "*.json")
	require.NoError(t, err)
	for _, file := range files {
		eventType := file[:strings.LastIndex(strings.TrimSuffix(file, ".json"), ".")]
		require.Contains(t, contracts.EventTypes(), eventType, "%s: an event's type is for ever", file)
	}
}

func TestEachFieldSaysWhatItIs(t *testing.T) {
	for _, eventType := range contracts.EventTypes() {
		e, _ := contracts.Zero(eventType)
		s, err := schemas.Of(e, docs(t))
		require.NoError(t, err)
		require.NotEmpty(t, s.Description, eventType)
		for name, object := range withDefs(s) {
			for field, p := range object.Properties {
				require.NotEmpty(t, p.Description, "%s: %s.%s", eventType, name, field)
			}
		}
	}
}

func withDefs(s *schemas.Schema) map[string]*schemas.Schema {
	all := map[string]*schemas.Schema{"": s}
	maps.Copy(all, s.Defs)
	return all
}

// compiled is an event's newest committed schema, by a validator that is not ours.
func compiled(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
	revisions, err := schemas.Revisions(schemas.Committed(), eventType)
	require.NoError(t, err)
	require.NotEmpty(t, revisions)
	data, err := revisions[len(revisions)-1].JSON()
	require.NoError(t, err)
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("event.json", parsed))
	s, err := c.Compile("event.json")
	require.NoError(t, err, "it is a schema of draft 2020-12")
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, payload []byte) bool {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(payload)))
	require.NoError(t, err)
	return s.Validate(v) == nil
}

// What the schema refuses, our reader refuses too: each field of each sample is taken
// away, and made something else.
func TestTheSchemaSaysWhatTheReaderDoes(t *testing.T) {
	files, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	for _, file := range files {
		eventType, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "+")
		s := compiled(t, eventType)
		payload, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, valid(t, s, payload), file)
		refused := 0
		for what, broken := range mutations(t, payload) {
			if valid(t, s, broken) {
				continue
			}
			refused++
			if strings.HasSuffix(what, "html: gone") || strings.HasSuffix(what, "effects: gone") ||
				strings.HasSuffix(what, "post_title: gone") || strings.HasSuffix(what, "excerpt: gone") || what == "partition: gone" {
				continue // what is missing reads as empty or 0, which these may be
			}
			_, err := contracts.Parse(eventType, broken)
			require.ErrorIs(t, err, contracts.ErrMalformed, "%s %s: %s", file, what, broken)
		}
		require.Greater(t, refused, 5, file)
	}
}

// mutations are the payload with one value, however deep, gone or changed.
func mutations(t *testing.T, payload []byte) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	var paths [][]any
	var root any
	require.NoError(t, json.Unmarshal(payload, &root))
	walk(root, nil, func(path []any) { paths = append(paths, path) })
	for _, path := range paths {
		for what, value := range map[string]any{"gone": nil, "a word": "sung", "a number": -1, "true": true, "a list": []any{}} {
			var copied any
			require.NoError(t, json.Unmarshal(payload, &copied))
			change(copied, path, value, what == "gone")
			out, err := json.Marshal(copied)
			require.NoError(t, err)
			name, err := json.Marshal(path)
			require.NoError(t, err)
			all[strings.Trim(string(name), `[]"`)+": "+what] = out
		}
	}
	return all
}

func walk(v any, path []any, visit func([]any)) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			at := append(path[:len(path):len(path)], name)
			visit(at)
			walk(inner, at, visit)
		}
	case []any:
		for i, inner := range v {
			walk(inner, append(path[:len(path):len(path)], i), visit)
		}
	}
}

func change(v any, path []any, value any, remove bool) {
	for _, step := range path[:len(path)-1] {
		if name, ok := step.(string); ok {
			v = v.(map[string]any)[name]
			continue
		}
		v = v.([]any)[step.(int)]
	}
	object, name := v.(map[string]any), path[len(path)-1].(string)
	if remove {
		delete(object, name)
		return
	}
	object[name] = value
}

// planted changes a copy of an event's committed schema.
func planted(t *testing.T, eventType string, plant func(*schemas.Schema)) (old, today *schemas.Schema) {
	t.Helper()
	for _, s := range []**schemas.Schema{&old, &today} {
		revisions, err := schemas.Revisions(schemas.Committed(), eventType)
		require.NoError(t, err)
		*s = revisions[len(revisions)-1]
	}
	plant(today)
	return old, today
}

func TestAChangeThatSomebodyCanNotReadIsRefused(t *testing.T) {
	one := 1
	for name, c := range map[string]struct {
		plant func(*schemas.Schema)
		want  string
	}{
		"a field removed": {func(s *schemas.Schema) { delete(s.Properties, "snapshot") }, "snapshot is gone"},
		"a field renamed": {func(s *schemas.Schema) {
			s.Properties["text"] = s.Properties["body"]
			delete(s.Properties, "body")
		}, "body is gone"},
		"a type changed": {func(s *schemas.Schema) { s.Properties["version"].Type = "string" }, "version changed its type from integer to string"},
		"a new required field": {func(s *schemas.Schema) {
			s.Properties["mood"] = &schemas.Schema{Type: "string"}
			s.Required = append(s.Required, "mood")
		}, "mood is required now"},
		"an old one required":    {func(s *schemas.Schema) { s.Required = append(s.Required, "keys") }, "keys is required now"},
		"a required one not":     {func(s *schemas.Schema) { s.Required = s.Required[1:] }, "author_id may be missing now"},
		"an enum narrowed":       {func(s *schemas.Schema) { s.Properties["status"].Enum = []string{"pending", "approved"} }, `status can't be "rejected" any more`},
		"an enum widened":        {func(s *schemas.Schema) { s.Properties["status"].Enum = append(s.Properties["status"].Enum, "sung") }, `status can be "sung"`},
		"an enum opened":         {func(s *schemas.Schema) { s.Properties["status"].Enum = nil }, "closed list"},
		"an open list narrowed":  {func(s *schemas.Schema) { s.Defs["CommentEffects"].Properties["done"].Items.Known = []string{"mail"} }, `effects.done[] can't be "verdict"`},
		"a stricter rule":        {func(s *schemas.Schema) { s.Properties["html"].MinLength = &one }, "html changed its rule from () to (minLength 1)"},
		"another form":           {func(s *schemas.Schema) { s.Properties["created_at"].Format = "date" }, "created_at changed its rule"},
		"deep in a list's items": {func(s *schemas.Schema) { delete(s.Defs["CommentKey"].Properties, "hash") }, "keys[].hash is gone"},
		"deep and required":      {func(s *schemas.Schema) { s.Defs["Notice"].Required = append(s.Defs["Notice"].Required, "at") }, "effects.notice.at is required now"},
	} {
		old, today := planted(t, contracts.TypeCommentChanged, c.plant)
		found := strings.Join(schemas.Breaks(old, today), "; ")
		require.Contains(t, found, c.want, name)
	}
}

func TestAChangeThatAllCanReadIsNot(t *testing.T) {
	for name, plant := range map[string]func(*schemas.Schema){
		"nothing":           func(*schemas.Schema) {},
		"an optional field": func(s *schemas.Schema) { s.Properties["mood"] = &schemas.Schema{Type: "string"} },
		"an effect more": func(s *schemas.Schema) {
			i := s.Defs["CommentEffects"].Properties["done"].Items
			i.Known = append(i.Known, "song")
		},
		"other words": func(s *schemas.Schema) { s.Properties["body"].Description = "what they said" },
	} {
		old, today := planted(t, contracts.TypeCommentChanged, plant)
		require.Empty(t, schemas.Breaks(old, today), name)
	}
}

// renamed is a marker as somebody might change it.
type renamed struct {
	Resource string `json:"what"`
	Epoch    int64  `json:"epoch" schema:"positive"`
}

func (renamed) EventType() string     { return contracts.TypeDrainMarker }
func (renamed) Aggregate() string     { return "" }
func (renamed) AggregateVersion() int { return 0 }
func (renamed) Validate() error       { return nil }

// added is one with a field more.
type added struct {
	contracts.DrainMarker
	Reason string `json:"reason,omitempty"`
}

func TestTheGeneratorAddsARevisionOrRefuses(t *testing.T) {
	_, _, err := schemas.Next(schemas.Committed(), renamed{}, nil)
	require.ErrorContains(t, err, "drain.marker can't be read by all any more (drain.marker.1.json)")
	require.ErrorContains(t, err, "owner is gone")
	require.ErrorContains(t, err, "what is required now")

	name, second, err := schemas.Next(schemas.Committed(), added{}, docs(t))
	require.NoError(t, err)
	revisions, err := schemas.Revisions(schemas.Committed(), contracts.TypeDrainMarker)
	require.NoError(t, err)
	require.Equal(t, schemas.FileName(contracts.TypeDrainMarker, len(revisions)+1), name, "a file more; none is overwritten")
	require.Contains(t, string(second), `"reason"`)

	first, err := fs.ReadFile(schemas.Committed(), "drain.marker.1.json")
	require.NoError(t, err)
	folder := fstest.MapFS{"drain.marker.1.json": {Data: first}, "drain.marker.2.json": {Data: second}}
	_, _, err = schemas.Next(folder, contracts.DrainMarker{}, docs(t))
	require.ErrorContains(t, err, "reason is gone", "what the second revision added stays too")
	name, _, err = schemas.Next(folder, added{}, nil)
	require.NoError(t, err)
	require.Equal(t, "drain.marker.2.json", name, "other words are no revision")
	delete(folder, "drain.marker.1.json")
	_, _, err = schemas.Next(folder, added{}, docs(t))
	require.ErrorContains(t, err, "bring it back")
}

// bare has no json tag, odd a type without a schema, wrong an unknown rule.
type (
	bare struct {
		renamed
		Name string
	}
	odd struct {
		renamed
		Any map[string]any `json:"any"`
	}
	wrong struct {
		renamed
		Name string `json:"name" schema:"nice"`
	}
)

func TestATypeWithoutASchemaIsNamed(t *testing.T) {
	for want, e := range map[string]contracts.Event{"bare.Name has no name in JSON": bare{}, "odd.Any": odd{}, "wrong.Name": wrong{}} {
		_, err := schemas.Of(e, nil)
		require.ErrorContains(t, err, want)
	}
}
