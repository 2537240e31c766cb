package main

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

type querier = *pgx.Conn

// execute works on a database by a connection of its own.
func execute(t *testing.T, url string, f func(ctx context.Context, q querier) error) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	return f(t.Context(), conn)
}
