package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

// values are tried at every field.
var values = []string{
	`null`, `true`, `""`, `" "`, `[]`, `{}`, `[1]`, `["a"]`, `["a","a"]`, `[["a"]]`, `{"a":1}`, `{"/a":1}`, `{"/a":0}`, `{"/a":"1"}`, `{"":0.5}`, `{"a~2":1}`,
	`0`, `1`, `-1`, `2`, `10`, `50`, `99`, `100`, `101`, `1000000`, `1000001`, `65535`, `65536`, `0.5`, `0.01`, `2.55`, `100.01`, `1e2`, `"1"`, `"01"`, `"+1"`, `"0"`, `"2.5"`,
	`"a"`, `"A"`, `"a b"`, `"a\tb"`, `"ä"`, `" a"`, `"a;b"`, `"get"`, `"GET"`, `"G/T"`, `"x"`, `"comments"`, `"session"`, `"user"`, `"address"`, `"cookie:"`, `"cookie:a"`,
	`"cookie:a b"`, `"header:X-A"`, `"header"`, `"path:a"`, `"json"`, `"hash"`, `"none"`, `"JSON"`, `"round_robin"`, `"least_requests"`, `"random"`,
	`"1s"`, `"500ms"`, `"1h30m"`, `".5s"`, `"0s"`, `"-1s"`, `"1"`, `"1 s"`, `"1d"`, `"+1s"`, `"1µs"`, `"1KiB"`, `"5 MiB"`, `"0MiB"`, `"1MB"`, `"-1KiB"`, `"1.5MiB"`, `"4096"`, `"01KiB"`,
	`"/"`, `"//"`, `"/a"`, `"/a/"`, `"/a/*"`, `"/*/a"`, `"/*a"`, `"/{a}"`, `"/{a}b"`, `"/{}"`, `"/a/{b}/*"`, `"/."`, `"/../a"`, `"/.well-known"`, `"/a?b"`, `"/a#b"`, `"/%41"`, `"/a b"`,
	`"/ä"`, `"/a;b"`, `"a/b"`, `"/~0"`, `"/~2"`, `"/~"`, `"/a~1b/*"`, `["/a"]`, `[""]`, `["/~"]`, `["GET"]`, `["POST"]`, `["GET","POST"]`, `["Authorization"]`, `["a b"]`,
	`"http://a"`, `"http://a:1/"`, `"HTTP://a"`, `"https://a"`, `"http://"`, `"http://a/b"`, `"http://a?b"`, `"http://a#"`, `"http://u@a"`, `"http://[::1]:80"`, `"http://a b"`, `"a:80"`,
	`"10.0.0.0/8"`, `"10.0.0.1/8"`, `"10.0.0.0/33"`, `"10.0.0"`, `"::1"`, `"fe80::1%eth0"`, `"::ffff:1.2.3.4"`, `"a.example"`,
	`{"owner":"comments"}`, `{"owner":"x"}`, `{"owner":"comments","percent":1}`, `{"path":"/"}`, `{"path":"/","methods":["POST"]}`, `{"requests":1,"per":"1s"}`, `{"requests":0,"per":"1s"}`,
	`{"attempts":1}`, `{"attempts":1,"budget":1}`, `{"budget":0}`, `{"budget":0,"attempts":2}`, `{"body":"none","ignore":["/a"]}`, `{"body":"hash","max_body":1}`, `{"body":"none","max_body":1}`, `{"address":"http://a"}`, `{"replicas":[]}`,
	`"x"`, `"30s"`, `{"owner":"x"}`, `{"owner":"x","epoch":2}`, `{"owner":"x","epoch":0}`, `{"a b":{"owner":"x","epoch":2}}`, `{"y":{"owner":"x","epoch":2}}`, `{"y":{"owner":"x","epoch":2.5}}`,
	`{"gateway":{"address":"http://a"}}`, `{"comments":{"address":"http://a"}}`,
}

// onlyTheParserSees tells whether what the parser refuses is beyond a schema: it
// would need two places of the file, arithmetic, or a list of names.
func onlyTheParserSees(problems config.Errors) bool {
	return !slices.ContainsFunc(problems, func(p config.Problem) bool {
		return !slices.ContainsFunc([]string{
			"is no owner; known: ", "is no resource; known: ", "must be from 5s to 5m0s", "answers the route", "is no replica of", "needs clients.session_cookie", "of the gateway's own", // references
			"at most two decimals", // 0.29 is no multiple of 0.01 to many an editor
			"has bits behind its mask", "is no network", "is an IPv4 address within IPv6", "is no URL", "has no host",
			"is not believed from outside", "is no port",
			`"1e2" must be`, // to JSON it is 100
		}, func(reason string) bool { return strings.Contains(p.Detail, reason) })
	})
}

// What the parser takes the schema takes, so that no editor complains about a good
// file; and what the parser refuses the schema refuses, as far as a schema can.
func TestSchemaAndParserRefuseTheSame(t *testing.T) {
	compiled := compiledSchema(t)
	taken, refused, beyond := 0, 0, 0
	eachField(compiled, nil, func(p place, _ *jsonschema.Schema) {
		for _, text := range values {
			file := with(t, p, json.RawMessage(text))
			_, err := config.Parse("gateway.yaml", file)
			doc, bad := jsonschema.UnmarshalJSON(bytes.NewReader(file))
			require.NoError(t, bad)
			complaint := compiled.Validate(doc)
			var problems config.Errors
			switch {
			case err == nil && complaint != nil:
				t.Errorf("%s: %s is taken by the parser alone: %v", p, text, complaint)
			case err == nil:
				taken++
			case complaint != nil:
				refused++
			case errors.As(err, &problems) && onlyTheParserSees(problems):
				beyond++
			default:
				t.Errorf("%s: %s is refused by the parser alone: %v", p, text, err)
			}
		}
	})
	t.Logf("%d taken and %d refused by both, %d refused by the parser for what a schema can't see", taken, refused, beyond)
	require.Greater(t, taken, 500)
	require.Greater(t, refused, 2000)
}
