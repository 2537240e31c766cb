package main

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
)

// A role for each host, in one PostgreSQL: neither comes into the other's database,
// and each does all of its own work with its own.
func TestNeitherHostCanReadTheOthersDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := roleOf(t, w.database, "comments"), roleOf(t, w.monolith.dsn, "blog")
	for name, wrong := range map[string]string{
		"the service in the monolith's": as(t, w.monolith.dsn, mine),
		"the monolith in the service's": as(t, w.database, theirs),
	} {
		conn, err := pgx.Connect(t.Context(), wrong)
		if err == nil {
			conn.Close(t.Context())
		}
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, name)
		require.Equal(t, "42501", refused.Code, "%s: permission denied", name)
	}
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	w.monolith.writes(t, post, ann, "By events alone")
	r := w.serves(t, "DATABASE_URL="+as(t, w.database, mine))
	w.isFilled(t, r)
	w.handsOver(t, r, name)
	r.as(t, ann).says(post, "With its own role").is(201)
	require.Equal(t, []string{"By events alone", "With its own role"}, r.as(t, ann).reads(post).bodies())
}

// roleOf makes a role that owns the database at url and all in it, and lets nobody else
// in but the administrator.
func roleOf(t *testing.T, dsn, prefix string) *url.Userinfo {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	base := u.Path[1:]
	role, password := prefix+"_"+base, contracts.NewID()
	require.NoError(t, execute(t, dsn, func(ctx context.Context, q querier) error {
		for _, statement := range []string{
			fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, password),
			fmt.Sprintf("REVOKE CONNECT ON DATABASE %s FROM PUBLIC", base),
			fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", base, role),
			fmt.Sprintf("ALTER SCHEMA public OWNER TO %s", role),
			fmt.Sprintf(`DO $$ DECLARE r record; BEGIN
				FOR r IN SELECT format('%%I.%%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public' LOOP
					EXECUTE 'ALTER TABLE ' || r.name || ' OWNER TO %s';
				END LOOP; END $$`, role),
		} {
			if _, err := q.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}))
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), dsn)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), fmt.Sprintf("REASSIGN OWNED BY %s TO CURRENT_USER; DROP OWNED BY %s; DROP ROLE %s", role, role, role))
		require.NoError(t, err)
	})
	return url.UserPassword(role, password)
}

// as is the database's address for a role.
func as(t *testing.T, dsn string, who *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.User = who
	return u.String()
}
