package embedded

import (
	"context"
	"errors"
	"fmt"
)

// FindPostgres returns binaries to run: local ones, else ones fetched into the
// cache.
func FindPostgres(ctx context.Context, progress func(string)) (Binaries, error) {
	bin, err := LocalPostgres(ctx)
	if errors.Is(err, ErrNoPostgres) {
		return Binaries{}, fmt.Errorf("%w: install PostgreSQL (Debian: apt install postgresql; macOS: brew install postgresql), or give --postgres-url", err)
	}
	return bin, err
}
