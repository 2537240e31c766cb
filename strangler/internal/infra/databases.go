package infra

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Account is a database and the one role that may use it. Both have the same name.
type Account struct {
	Name     string
	Password string
}

// ErrTaken: a role or database of that name is there, and was not made by Provide.
var ErrTaken = errors.New("that name is taken")

// ErrNotAllowed: the one who asks may not make a role or a database.
var ErrNotAllowed = errors.New("not allowed to make a role and a database")

// ours is the comment by which Provide knows what it has made.
const ours = "made by strangler"

// Provide makes the account on the server of admin, the address of somebody who may
// make roles and databases, and returns its address. Made before, it only gets its
// password again. Nobody else may connect to the database, but for admin; and the role
// may not make others. Errors: ErrTaken, ErrNotAllowed, or what PostgreSQL says; none
// shows a password.
func Provide(ctx context.Context, admin string, a Account) (address string, err error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("connect to make database %q: %w", a.Name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := provide(ctx, conn, a); err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "42501" { // insufficient_privilege
			return "", fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
		return "", err
	}
	return a.at(admin)
}

// at is the account's address on the server of another one's.
func (a Account) at(other string) (string, error) {
	u, err := url.Parse(other)
	if err != nil || u.Host == "" {
		return "", errors.New("the server's address is no postgres:// address, from which another one's could be made")
	}
	u.User, u.Path = url.UserPassword(a.Name, a.Password), "/"+a.Name
	return u.String(), nil
}

func provide(ctx context.Context, conn *pgx.Conn, a Account) error {
	name := pgx.Identifier{a.Name}.Sanitize()
	role, err := made(ctx, conn, `SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1`, "role", a.Name)
	if err != nil {
		return err
	}
	database, err := made(ctx, conn, `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1`, "database", a.Name)
	if err != nil {
		return err
	}
	var todo []string
	if !role {
		todo = append(todo, "CREATE ROLE "+name+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION", "COMMENT ON ROLE "+name+" IS '"+ours+"'")
	}
	todo = append(todo, "ALTER ROLE "+name+" PASSWORD "+literal(a.Password))
	if !database {
		// Who is no superuser makes a database only for a role that it is a member of.
		todo = append(todo, "GRANT "+name+" TO CURRENT_USER", "CREATE DATABASE "+name+" OWNER "+name,
			"COMMENT ON DATABASE "+name+" IS '"+ours+"'")
	}
	todo = append(todo, "REVOKE ALL ON DATABASE "+name+" FROM PUBLIC")
	for _, statement := range todo {
		if _, err := conn.Exec(ctx, statement); err != nil {
			what, _, _ := strings.Cut(statement, " PASSWORD ")
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

// made tells whether it is there, and is an error if somebody else made it.
func made(ctx context.Context, conn *pgx.Conn, query, kind, name string) (bool, error) {
	var comment *string
	err := conn.QueryRow(ctx, query, name).Scan(&comment)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for %s %q: %w", kind, name, err)
	case comment == nil || *comment != ours:
		return false, fmt.Errorf("%w: there is a %s %q", ErrTaken, kind, name)
	default:
		return true, nil
	}
}

// MayProvide tells whether the one whose address it is may make roles and databases:
// nil, or ErrNotAllowed with what is missing.
func MayProvide(ctx context.Context, admin string) error {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect to ask what it may do: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var user string
	var may bool
	err = conn.QueryRow(ctx, `SELECT rolname, rolsuper OR (rolcreaterole AND rolcreatedb) FROM pg_roles WHERE rolname = current_user`).Scan(&user, &may)
	if err != nil {
		return fmt.Errorf("ask what the role may do: %w", err)
	}
	if !may {
		return fmt.Errorf("%w: role %q has not CREATEROLE and CREATEDB", ErrNotAllowed, user)
	}
	return nil
}

// literal is a text as SQL writes it; ALTER ROLE takes no parameters.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// derived is the password of an account on a server of our own: it is the same after
// each start, is kept nowhere, and tells nothing of the others'.
func derived(secret, name string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("strangler account " + name))
	return hex.EncodeToString(mac.Sum(nil))
}
