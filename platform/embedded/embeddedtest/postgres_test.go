package embeddedtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded/embeddedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, run(t.Context(), embeddedtest.Database(t), "CREATE TABLE mine (n int)"))
		})
	}
}

func TestPreparedRunsOnceAndEveryTestGetsACopy(t *testing.T) {
	calls := 0
	for range 3 {
		url := embeddedtest.Prepared(t, "with_table", func(ctx context.Context, url string) error {
			calls++
			return run(ctx, url, "CREATE TABLE prepared (n int)")
		})
		require.NoError(t, run(t.Context(), url, "INSERT INTO prepared VALUES (1)"))
		require.NoError(t, run(t.Context(), url, "DROP TABLE prepared"), "each has a copy")
	}
	require.Equal(t, 1, calls)
}
