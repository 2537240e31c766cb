package accounts

import (
	"context"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/session"
)

// Store keeps accounts. Implementations pass storetest's suite and are safe for
// concurrent use.
type Store interface {
	// Create adds an account. With a key that already made one, that one is
	// returned and replayed is true. Problems: EmailTaken, KeyReused.
	Create(ctx context.Context, a Account, key contracts.Key) (created Account, replayed bool, err error)
	// ByID returns the account, or a NotFound problem.
	ByID(ctx context.Context, id string) (Account, error)
	// ByEmail looks up without regard to case; NotFound when nobody has it.
	ByEmail(ctx context.Context, email string) (Account, error)
	// Update stores name and role if the row still has a.Version, and raises it by
	// one. Problems: NotFound, VersionMismatch.
	Update(ctx context.Context, a Account) (Account, error)
}

// Sessions is what accounts needs of the session store to sign people in and out;
// the context is the request's, under the session middleware.
type Sessions interface {
	SignIn(ctx context.Context, userID string) error
	SignOut(ctx context.Context) error
	List(ctx context.Context, userID string) ([]session.Info, error)
	// Revoke ends one of the user's sessions; session.ErrNotFound when it is not theirs.
	Revoke(ctx context.Context, userID, id string) error
	// InvalidateUser drops the cached record of a user whose name or role changed.
	InvalidateUser(ctx context.Context, userID string) error
}
