package same

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is a reply with headers given as name, value, name, value.
func answer(status int, body string, headers ...string) reply {
	r := reply{status: status, header: http.Header{}, framing: "length", body: []byte(body)}
	for i := 0; i < len(headers); i += 2 {
		r.header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestWhatMayDifferIsPassedOver(t *testing.T) {
	direct := answer(200, `{"request_id":"one"}`, "X-Request-Id", "one", "Date", "now",
		"Set-Cookie", "banyan_session=aaaa; Path=/; Expires=Mon, 01 Jan 2026 00:00:00 GMT; HttpOnly")
	gateway := answer(200, `{"request_id":"two"}`, "X-Request-Id", "two", "Date", "later", "X-Served-By", "monolith/monolith-0",
		"Set-Cookie", "banyan_session=bbbb; Path=/; Expires=Mon, 01 Jan 2026 00:00:01 GMT; HttpOnly",
		"Set-Cookie", "banyan_replica=x; Path=/")
	require.Empty(t, difference(request{}, direct, gateway))
}

func TestEachDifferenceThatMattersIsNamed(t *testing.T) {
	base := func() reply {
		return answer(200, "body", "Etag", `"1"`, "Set-Cookie", "banyan_session=aaaa; Path=/; HttpOnly", "Set-Cookie", "b=1")
	}
	for name, c := range map[string]struct {
		change func(*reply)
		says   string
	}{
		"another status":         {func(r *reply) { r.status = 412 }, "status: direct 200, gateway 412"},
		"an interim answer":      {func(r *reply) { r.interim = []int{103} }, "interim answers"},
		"no length":              {func(r *reply) { r.framing = "chunked" }, "framing"},
		"a lost header":          {func(r *reply) { r.header.Del("Etag") }, "header Etag"},
		"a header of its own":    {func(r *reply) { r.header.Set("Via", "1.1 proxy") }, "header Via"},
		"a lost cookie":          {func(r *reply) { r.header["Set-Cookie"] = r.header["Set-Cookie"][:1] }, "header Set-Cookie"},
		"cookies in one line":    {func(r *reply) { r.header["Set-Cookie"] = []string{"banyan_session=aaaa; Path=/; HttpOnly, b=1"} }, "header Set-Cookie"},
		"a flag lost":            {func(r *reply) { r.header["Set-Cookie"][0] = "banyan_session=aaaa; Path=/" }, "header Set-Cookie"},
		"a session taken away":   {func(r *reply) { r.header["Set-Cookie"][0] = "banyan_session=; Path=/; HttpOnly" }, "header Set-Cookie"},
		"another body":           {func(r *reply) { r.body = []byte("BODY") }, "body"},
		"a body cut short":       {func(r *reply) { r.body = []byte("bod") }, "body"},
		"a trailer that is lost": {func(r *reply) { r.trailer = http.Header{"X": {"1"}} }, "trailer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := base()
			c.change(&changed)
			require.Contains(t, difference(request{}, base(), changed), c.says)
		})
	}
}

func TestIdsAreOnesOwnOnlyWhereSomethingIsMade(t *testing.T) {
	a := answer(201, `{"id":"0198c0de-0000-7000-8000-000000000001"}`)
	b := answer(201, `{"id":"0198c0de-0000-7000-8000-000000000002"}`)
	require.Empty(t, difference(request{variable: true}, a, b))
	require.NotEmpty(t, difference(request{}, a, b))
}

func TestAConfigurationThatCantBeUsedIsOneFailedResult(t *testing.T) {
	results := Run(t.Context(), Config{DirectURL: "127.0.0.1:80", GatewayURL: "http://127.0.0.1"})
	require.Len(t, results, 1)
	require.Contains(t, results[0].Detail, `DirectURL is "127.0.0.1:80"`)

	results = Run(t.Context(), Config{DirectURL: "http://127.0.0.1:1", GatewayURL: "http://127.0.0.1:1"})
	require.Len(t, results, 1)
	require.Contains(t, results[0].Detail, "sign the author up: direct")
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
	}
}
