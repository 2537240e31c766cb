package embeddedtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"banyan.dev/platform/embedded"
)

// server is the one thing per process: starting PostgreSQL takes half a second,
// and a test binary has no other place that lives as long as it does.
var server = sync.OnceValues(func() (*embedded.Postgres, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return embedded.StartPostgres(ctx, embedded.PostgresConfig{})
})

// templates holds, by name, what Prepared has made already.
var templates sync.Map // name -> func() error, once

var names counter

// counter gives each database of this process a name of its own.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprintf("test_%d", c.n)
}

// Database returns the URL of an empty database of t's own. It is dropped when t
// ends, with the connections that are still open.
func Database(t testing.TB) string {
	t.Helper()
	return clone(t, "template0")
}

// Prepared returns the URL of a database of t's own that prepare has filled, for
// instance by running the migrations. prepare is called once per process and
// name; every further test gets a copy of its result, in about 50 ms. It must
// close its connections before it returns.
func Prepared(t testing.TB, name string, prepare func(ctx context.Context, url string) error) string {
	t.Helper()
	template := "template_" + name
	once, _ := templates.LoadOrStore(name, sync.OnceValue(func() error { return makeTemplate(template, prepare) }))
	if err := once.(func() error)(); err != nil {
		t.Fatalf("prepare database template %q: %v", name, err)
	}
	return clone(t, template)
}

func makeTemplate(template string, prepare func(ctx context.Context, url string) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pg, err := server()
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := pg.CreateDatabase(ctx, template); err != nil {
		return err
	}
	return prepare(ctx, pg.URL(template))
}

func clone(t testing.TB, template string) string {
	t.Helper()
	pg, err := server()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := names.next()
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", pgx.Identifier{name}.Sanitize(), pgx.Identifier{template}.Sanitize())
	if err := execute(pg, statement); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(pg, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", pgx.Identifier{name}.Sanitize())); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return pg.URL(name)
}

// execute uses a connection of its own: a pool would keep goroutines that every
// leak test finds.
func execute(pg *embedded.Postgres, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
