package diff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/shadow/diff"
)

func ok(body string) diff.Answer { return diff.Answer{Status: 200, Body: []byte(body)} }

func compare(t *testing.T, r *diff.Rules, a, b string) []diff.Difference {
	t.Helper()
	result, err := r.Compare(ok(a), ok(b), diff.JSON)
	require.NoError(t, err)
	require.False(t, result.More)
	return result.Differences
}

// brief writes differences in one line: kind path baseline -> shadow.
func brief(ds []diff.Difference) string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s->%s", d.Kind, d.Path, d.Baseline, d.Shadow)))
	}
	return strings.Join(out, "; ")
}

var none = diff.NewRules(nil, nil, nil)

func TestJSONIsComparedByValue(t *testing.T) {
	for name, c := range map[string]struct{ a, b, want string }{
		"white space and order of members": {`{"a":1,"b":[2]}`, ` { "b" : [ 2 ] , "a" : 1 } `, ""},
		"spelling of numbers":              {`[1.0,100,0.001,-0,1e2]`, `[1,1E2,1e-3,0,100.00]`, ""},
		"spelling of strings":              {`"\u00e9\/"`, `"é/"`, ""},
		"pairs of escapes":                 {`"\ud83d\ude00"`, `"😀"`, ""},
		"halves of pairs":                  {`"\ud800"`, `"\ud801"`, `changed  "\ufffd\ufffd\ufffd"->"\ufffd\ufffd\ufffd"`},
		"integers beyond a float":          {`9007199254740993`, `9007199254740992`, "changed  9007199254740993->9007199254740992"},
		"decimals beyond a float":          {`0.10000000000000000001`, `0.1`, "changed  0.10000000000000000001->0.1"},
		"exponents beyond all use":         {`1e99999999999`, `1e99999999998`, "changed  1e99999999999->1e99999999998"},
		"zero with any exponent":           {`0e99999999999`, `0`, ""},
		"a number is no string":            {`{"n":1}`, `{"n":"1"}`, `changed /n 1->"1"`},
		"null is something":                {`{"n":null}`, `{}`, "missing /n null->"},
		"a member more":                    {`{}`, `{"a/b~c":true}`, "extra /a~1b~0c ->true"},
		"an empty name":                    {`{"":1}`, `{"":2}`, "changed / 1->2"},
		"a member twice":                   {`{"a":1,"a":2}`, `{"a":1,"a":3}`, "changed /a 2->3"},
		"a member twice on one side":       {`{"a":1,"a":2}`, `{"a":1}`, "missing /a 2->"},
		"one in a list":                    {`[1,2,3]`, `[1,5,3]`, "changed /1 2->5"},
		"one taken from a list":            {`[1,2,3,4]`, `[1,3,4]`, "missing /1 2->"},
		"one put into a list":              {`[1,2,3]`, `[1,2,9,3]`, "extra /2 ->9"},
		"one taken and one changed":        {`[1,2,3,4,5,6]`, `[1,3,4,7,6]`, "missing /1 2->; changed /4 5->7"},
		"another order":                    {`{"l":[1,2,3]}`, `{"l":[3,1,2]}`, "order /l [1,2,3]->[3,1,2]"},
		"known by its id":                  {`[{"id":1,"n":"a"},{"id":2,"n":"b"}]`, `[{"id":2,"n":"c"}]`, `changed /1/n "b"->"c"; missing /0 {"id":1,"n":"a"}->`},
		"the whole":                        {`[]`, `{}`, "changed  []->{}"},
		"secrets":                          {`{"user":{"password":"a","n":1}}`, `{"user":{"password":"b","n":1}}`, "changed /user/password (hidden)->(hidden)"},
		"secrets within":                   {`[]`, `{"access_token":"x","n":1}`, `changed  []->{"access_token":"(hidden)","n":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, brief(compare(t, none, c.a, c.b)))
		})
	}
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		ignore, unordered []string
		tolerate          map[string]float64
		a, b, want        string
	}{
		"an ignored member":           {ignore: []string{"/next"}, a: `{"next":"a","n":1}`, b: `{"n":1}`},
		"ignored in each element":     {ignore: []string{"/items/*/at"}, a: `{"items":[{"at":1},{"at":2}]}`, b: `{"items":[{"at":3},{}]}`},
		"* is a key too":              {ignore: []string{"/*/at"}, a: `{"x":{"at":1},"y":{"at":2}}`, b: `{"x":{},"y":{}}`},
		"only there":                  {ignore: []string{"/items/1"}, a: `{"items":[1,2]}`, b: `{"items":[3,4]}`, want: "changed /items/0 1->3"},
		"everything":                  {ignore: []string{""}, a: `1`, b: `2`},
		"escaped tokens":              {ignore: []string{"/a~1b~0"}, a: `{"a/b~":1}`, b: `{}`},
		"a malformed pointer":         {ignore: []string{"next", "/a~2"}, a: `{"next":1}`, b: `{"next":2}`, want: "changed /next 1->2"},
		"an unordered list":           {unordered: []string{"/l"}, a: `{"l":[1,2,2,{"a":1}]}`, b: `{"l":[{"a":1},2,1,2]}`},
		"counts how often":            {unordered: []string{"/l"}, a: `{"l":[1,2,2]}`, b: `{"l":[1,1,2]}`, want: "changed /l/2 2->1"},
		"the whole is unordered":      {unordered: []string{""}, a: `[1,2]`, b: `[2,1]`},
		"nested unordered lists":      {unordered: []string{"", "/*"}, a: `[[1,2],[3,4]]`, b: `[[4,3],[2,1]]`},
		"an ordered one within":       {unordered: []string{""}, a: `[[1,2],[3,4]]`, b: `[[4,3],[1,2]]`, want: "order /1 [3,4]->[4,3]"},
		"ignored within unordered":    {unordered: []string{""}, ignore: []string{"/*/at"}, a: `[{"i":1,"at":1},{"i":2,"at":2}]`, b: `[{"i":2,"at":7},{"i":1}]`},
		"a tolerated number":          {tolerate: map[string]float64{"/s": 0.01}, a: `{"s":1.00}`, b: `{"s":1.01}`},
		"beyond the tolerance":        {tolerate: map[string]float64{"/s": 0.01}, a: `{"s":1.00}`, b: `{"s":1.0100001}`, want: "changed /s 1.00->1.0100001"},
		"a tolerated number is one":   {tolerate: map[string]float64{"/s": 1}, a: `{"s":1}`, b: `{"s":"1"}`, want: `changed /s 1->"1"`},
		"an endless number":           {tolerate: map[string]float64{"/s": 1}, a: `{"s":1e999999999}`, b: `{"s":1}`, want: "changed /s 1e999999999->1"},
		"tolerated within unordered":  {unordered: []string{""}, tolerate: map[string]float64{"/*": 1}, a: `[1,2,3]`, b: `[4,2,2]`},
		"being near isn't transitive": {unordered: []string{""}, tolerate: map[string]float64{"/*": 1}, a: `[2,1]`, b: `[2,3]`},
	} {
		t.Run(name, func(t *testing.T) {
			r := diff.NewRules(c.ignore, c.unordered, c.tolerate)
			require.Equal(t, c.want, brief(compare(t, r, c.a, c.b)))
		})
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	lines := func(n int, change string) string {
		var out strings.Builder
		for i := range n {
			if i == 3 {
				out.WriteString(change)
			}
			fmt.Fprintf(&out, "<p>%d</p>\n", i)
		}
		return out.String()
	}
	for name, c := range map[string]struct{ a, b, want string }{
		"the same":           {"<p>", "<p>", ""},
		"a line more":        {lines(9, ""), lines(9, "<b>new</b>\n"), "changed  line 4: not there->line 4: <b>new</b>"},
		"late in one line":   {strings.Repeat("é", 200) + "abc", strings.Repeat("é", 200) + "abd", "changed  line 1: …" + strings.Repeat("é", 19) + "abc->line 1: …" + strings.Repeat("é", 19) + "abd"},
		"nothing":            {"<p>", "", "missing  <p>->"},
		"something":          {"", "<p>", "extra  -><p>"},
		"bytes":              {"\x00\x01\x02", "\x00\x01\x03\x04", "changed  3 bytes, no text, other from byte 2 on->4 bytes, no text, other from byte 2 on"},
		"JSON on one side":   {`{"a":1}`, "<p>", "changed  line 1: {\"a\":1}->no JSON (at byte 0: no value): line 1: <p>"},
		"JSON that goes on":  {`1`, `1 2`, "changed  line 1: 1->no JSON (at byte 2: more after the value): line 1: 1 2"},
		"controls and bidis": {"\x1b[31m", "\u202e", "changed  line 1: \u241b[31m->line 1: \ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, brief(compare(t, none, c.a, c.b)))
		})
	}
	result, err := none.Compare(ok(`{"a":1}`), ok(`{"a": 1}`), diff.Bytes)
	require.NoError(t, err)
	require.Len(t, result.Differences, 1, "a hash sees white space")
	result, err = none.Compare(ok("a"), ok("b"), diff.None)
	require.NoError(t, err)
	require.True(t, result.Same())
}

func TestStatusAndHeaders(t *testing.T) {
	a := diff.Answer{Status: 200, Body: []byte("{}"), Headers: []diff.Header{{Name: "Content-Type", Value: "a/b"}, {Name: "Set-Cookie", Value: "s=1"}, {Name: "Vary", Value: "x"}}}
	b := diff.Answer{Status: 404, Body: []byte("[]"), Headers: []diff.Header{{Name: "content-type", Value: "c/d"}, {Name: "Set-Cookie", Value: "s=2"}, {Name: "ETag", Value: "e"}}}
	result, err := none.Compare(a, b, diff.JSON)
	require.NoError(t, err)
	require.Equal(t, `@@ status changed @@
- 200 OK
+ 404 Not Found
@@ header Content-Type changed @@
- a/b
+ c/d
@@ header Set-Cookie changed @@
- (hidden)
+ (hidden)
@@ header Vary missing @@
- x
@@ header ETag extra @@
+ e
`, diff.Text(result.Differences, result.More))
}

func TestManyDifferencesAreCutAndLongValuesShortened(t *testing.T) {
	result, err := none.Compare(ok("["+strings.Repeat("1,", 999)+"1]"), ok("["+strings.Repeat("2,", 999)+"2]"), diff.JSON)
	require.NoError(t, err)
	require.True(t, result.More)
	require.Len(t, result.Differences, 50)
	result, err = none.Compare(ok(`"`+strings.Repeat("é", 9999)+`"`), ok("0"), diff.JSON)
	require.NoError(t, err)
	require.LessOrEqual(t, len(result.Differences[0].Baseline), 250)
	require.True(t, strings.HasSuffix(result.Differences[0].Baseline, "é…"))
}

func TestHostileBodiesCostLittle(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	require.Contains(t, brief(compare(t, none, "[]", deep)), "nested too deep")
	deep = strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	require.Len(t, compare(t, none, deep, strings.Replace(deep, "1", "2", 1)), 1)

	_, err := none.Compare(ok("["+strings.Repeat("0,", 300_000)+"0]"), ok("[]"), diff.JSON)
	require.ErrorIs(t, err, diff.ErrCost)

	// A numbers' drawer where each is near to some of the others.
	var a, b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&a, "%d,", i)
		fmt.Fprintf(&b, "%d,", 2*i)
	}
	near := diff.NewRules(nil, []string{""}, map[string]float64{"/*": 100})
	_, err = near.Compare(ok("["+a.String()+"0]"), ok("["+b.String()+"0]"), diff.JSON)
	require.ErrorIs(t, err, diff.ErrCost)
}

func TestANameCannotForgeLinesOfTheDiff(t *testing.T) {
	d := compare(t, none, `{"a\n+ b":1}`, `{}`)
	require.Equal(t, "@@ body /a␊+ b missing @@\n- 1\n", diff.Text(d, false))
	d = compare(t, none, `{"`+strings.Repeat("x", 9999)+`":1}`, `{}`)
	require.Less(t, len(d[0].Path), 300)
}

func TestPointers(t *testing.T) {
	for p, want := range map[string]bool{"": true, "/": true, "/a/0/*": true, "/~0~1": true, "a": false, "/~": false, "/~2": false, "#/a": false} {
		require.Equal(t, want, diff.CheckPointer(p), p)
	}
}

func TestExcerpt(t *testing.T) {
	text, cut := diff.Excerpt([]byte(`{ "a" : 1, "session" : "x" }`), 100)
	require.Equal(t, `{"a":1,"session":"(hidden)"}`, text)
	require.False(t, cut)
	text, cut = diff.Excerpt([]byte(`{"a":"`+strings.Repeat("x", 99)+`"}`), 20)
	require.Equal(t, `{"a":"xxxxxxxxxxxxxx…`, text)
	require.True(t, cut)
	text, _ = diff.Excerpt([]byte("\x00\xff"), 20)
	require.Equal(t, "2 bytes, no text", text)
}
