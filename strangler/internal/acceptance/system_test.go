package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/same"
)

// moderator has the credentials that "monolith seed" gives its moderator.
var moderator = journeys.Credentials{Email: "moderator@banyan.example", Password: "banyan-demo-password"}

// startMonolith returns the address of a blog of t's own, with a moderator and nothing
// else in it.
func startMonolith(t testing.TB) string {
	t.Helper()
	program := binary(t, "monolith")
	database := embeddedtest.Prepared(t, "migrated_blog", func(ctx context.Context, url string) error {
		env := []string{"DATABASE_URL=" + url}
		return once(ctx, program, env, "migrate")
	})
	public := address(t)
	runs(t, "monolith", address(t), "DATABASE_URL="+database, "LISTEN_ADDR="+public, "COOKIE_SECURE=false",
		"PUBLIC_URL=http://blog.example", "LOG_LEVEL=warn")
	blog := "http://" + public
	appointModerator(t, program, database, blog)
	return blog
}

// appointModerator makes the first moderator as an operator does: by the command line.
func appointModerator(t testing.TB, program, database, blog string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	account := fmt.Sprintf(`{"name":"Mo Derator","email":%q,"password":%q}`, moderator.Email, moderator.Password)
	response, err := client.Post(blog+"/api/v1/accounts", "application/json", strings.NewReader(account))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.NoError(t, once(t.Context(), program, []string{"DATABASE_URL=" + database}, "role", moderator.Email, "moderator"))
}

// startGateway returns the address of a gateway in front of the blog, configured
// as step 01 is.
func startGateway(t testing.TB, blog string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(stepOne(t, blog)), 0o600))
	public := address(t)
	runs(t, "gateway", address(t), "CONFIG_FILE="+file, "LISTEN_ADDR="+public, "LOG_LEVEL=warn")
	return "http://" + public
}

// stepOne is the gateway.yaml of step 01 with the blog's address filled in.
func stepOne(t testing.TB, blog string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "migration-steps/01-gateway/gateway.yaml"))
	require.NoError(t, err)
	const placeholder = "address: http://monolith:8080"
	require.Contains(t, string(content), placeholder)
	return strings.Replace(string(content), placeholder, fmt.Sprintf("replicas: [{name: monolith-0, url: %q}]", blog), 1)
}

// visit plays journeys at an address; none named means all.
func visit(t testing.TB, address string, only ...string) []journeys.Result {
	t.Helper()
	return journeys.Run(t.Context(), journeys.Config{
		BaseURL: address, Moderator: moderator, Only: only, EventuallyWithin: 3 * time.Second,
	})
}

// compare plays the cases direct and through what is in front; none named means all.
func compare(t testing.TB, direct, through string, only ...string) []same.Result {
	t.Helper()
	return same.Run(t.Context(), same.Config{
		DirectURL: direct, GatewayURL: through, Only: only, Timeout: 10 * time.Second, StreamWithin: 2 * time.Second,
	})
}
