package acceptance

import (
	"context"
	"fmt"
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

// moderator is the account that "monolith seed" makes.
var moderator = journeys.Credentials{Email: "moderator@banyan.example", Password: "banyan-demo-password"}

// startMonolith returns the address of a blog of t's own, seeded: journeys share it with
// what others wrote, and with rules that others made.
func startMonolith(t testing.TB) string {
	t.Helper()
	return startReplicas(t, 1, "session: {store: memory}")[0]
}

// startReplicas returns the addresses of n replicas of one blog, with these settings of
// their sessions. All know each other, as the tool would have it.
func startReplicas(t testing.TB, n int, sessions string) []string {
	t.Helper()
	program := binary(t, "monolith")
	database := embeddedtest.Prepared(t, "seeded_blog", func(ctx context.Context, url string) error {
		env := []string{"DATABASE_URL=" + url}
		if err := once(ctx, program, env, "migrate"); err != nil {
			return err
		}
		return once(ctx, program, env, "seed", "--posts", "60", "--comments", "200", "--users", "12", "--seed", "1")
	})
	var blogs, admins []string
	for range n {
		blogs, admins = append(blogs, address(t)), append(admins, address(t))
	}
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	peers := fmt.Sprintf("peers: [http://%s]", strings.Join(admins, ", http://"))
	content := "revision: 1\n" + strings.TrimSuffix(sessions, "}") + ", " + peers + "}" + "\n"
	require.NoError(t, os.WriteFile(settings, []byte(content), 0o600))
	for i, public := range blogs {
		runs(t, "monolith", admins[i], "DATABASE_URL="+database, "LISTEN_ADDR="+public, "SETTINGS_FILE="+settings,
			fmt.Sprintf("REPLICA=monolith-%d", i), "ADMIN_TOKEN=a-token-of-the-tests", "COOKIE_SECURE=false",
			"PUBLIC_URL=http://blog.example", "LOG_LEVEL=warn")
		blogs[i] = "http://" + public
	}
	return blogs
}

// startGateway returns the address of a gateway in front of the blog, configured as the
// step is.
func startGateway(t testing.TB, step string, blogs ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(gatewayOf(t, step, blogs)), 0o600))
	public := address(t)
	runs(t, "gateway", address(t), "CONFIG_FILE="+file, "LISTEN_ADDR="+public, "LOG_LEVEL=warn")
	return "http://" + public
}

// gatewayOf is a step's gateway.yaml with the replicas filled in.
func gatewayOf(t testing.TB, step string, blogs []string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "migration-steps", step, "gateway.yaml"))
	require.NoError(t, err)
	const placeholder = "address: http://monolith:8080"
	require.Contains(t, string(content), placeholder)
	var replicas []string
	for i, blog := range blogs {
		replicas = append(replicas, fmt.Sprintf("{name: monolith-%d, url: %q}", i, blog))
	}
	return strings.Replace(string(content), placeholder, "replicas: ["+strings.Join(replicas, ", ")+"]", 1)
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
