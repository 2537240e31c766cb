package accounts

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// Account is one person's account. PasswordHash is never shown, logged or cached.
type Account struct {
	ID           string
	Name         string
	Email        string
	PasswordHash string
	Role         contracts.Role
	Version      int
	CreatedAt    time.Time
}

// Viewer is the account as the one who is asking.
func (a Account) Viewer() contracts.Viewer {
	return contracts.Viewer{Person: contracts.Person{ID: a.ID, Name: a.Name}, Role: a.Role}
}

// The bounds of what people choose. The password's upper bound keeps hashing
// bounded; it is far above what a person types.
const (
	maxName     = 60
	maxEmail    = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
	minPassword = 10
	maxPassword = 256
)

// SignUp is what somebody gives to get an account.
type SignUp struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Service is the use cases of accounts. It is safe for concurrent use.
type Service struct {
	store     Store
	passwords *Passwords
	now       func() time.Time
}

// NewService returns the use cases over a store.
func NewService(store Store, passwords *Passwords, now func() time.Time) *Service {
	return &Service{store: store, passwords: passwords, now: now}
}

// SignUp makes an account with the role reader. Problems: Validation, EmailTaken,
// KeyReused, and RateLimited when too many passwords are being hashed already.
func (s *Service) SignUp(ctx context.Context, in SignUp, key contracts.Key) (a Account, replayed bool, err error) {
	in.Name, in.Email = strings.TrimSpace(in.Name), strings.TrimSpace(in.Email)
	if err := in.check(); err != nil {
		return Account{}, false, err
	}
	hash, err := s.passwords.Hash(ctx, in.Password)
	if err != nil {
		return Account{}, false, fmt.Errorf("hash password: %w", err)
	}
	return s.store.Create(ctx, Account{
		ID:           contracts.NewID(),
		Name:         in.Name,
		Email:        in.Email,
		PasswordHash: hash,
		Role:         contracts.Reader,
		Version:      1,
		CreatedAt:    s.now().UTC().Truncate(time.Microsecond),
	}, key)
}

func (in SignUp) check() error {
	var f problem.Fields
	checkName(&f, in.Name)
	switch a, err := mail.ParseAddress(in.Email); {
	case len(in.Email) > maxEmail:
		f.Add("email", "has %d bytes: take at most %d", len(in.Email), maxEmail)
	case err != nil || a.Address != in.Email:
		f.Add("email", "%q is no mail address: write it as name@example.org", in.Email)
	}
	switch n := len(in.Password); {
	case n < minPassword:
		f.Add("password", "has %d bytes: take at least %d", n, minPassword)
	case n > maxPassword:
		f.Add("password", "has %d bytes: take at most %d", n, maxPassword)
	}
	return f.Err()
}

func checkName(f *problem.Fields, name string) {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		f.Add("name", "is empty: say how others shall call you")
	case n > maxName:
		f.Add("name", "has %d characters: take at most %d", n, maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		f.Add("name", "%q has a control character or is not UTF-8: take that out", name)
	}
}

// Authenticate returns the account that has the address and the password, or a
// BadCredentials problem: the same one, and after the same work, whether the
// address is unknown or the password wrong.
func (s *Service) Authenticate(ctx context.Context, email, password string) (Account, error) {
	a, err := s.store.ByEmail(ctx, strings.TrimSpace(email))
	if err != nil && !problem.Is(err, problem.NotFound) {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	ok, err := s.passwords.Matches(ctx, a.PasswordHash, password)
	if err != nil {
		return Account{}, fmt.Errorf("compare password: %w", err)
	}
	if !ok {
		return Account{}, problem.New(problem.BadCredentials, "the mail address or the password is not right")
	}
	return a, nil
}

// Get returns an account, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (Account, error) {
	return s.store.ByID(ctx, id)
}

// Rename changes one's own name, if the account still has the version that the
// change was made from. Problems: Unauthenticated, Validation, VersionMismatch.
func (s *Service) Rename(ctx context.Context, v contracts.Viewer, name string, version int) (Account, error) {
	if !v.SignedIn() {
		return Account{}, problem.New(problem.Unauthenticated, "sign in to change your name")
	}
	name = strings.TrimSpace(name)
	var f problem.Fields
	if checkName(&f, name); f.Err() != nil {
		return Account{}, f.Err()
	}
	a, err := s.store.ByID(ctx, v.ID)
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	a.Name, a.Version = name, version
	return s.store.Update(ctx, a)
}

// SetRole changes a role: people choose between reader and author for themselves,
// a moderator any role for anyone. Problems: Unauthenticated, Forbidden,
// Validation, NotFound.
func (s *Service) SetRole(ctx context.Context, v contracts.Viewer, id string, role contracts.Role) (Account, error) {
	if err := mayGive(v, id, role); err != nil {
		return Account{}, err
	}
	a, err := s.store.ByID(ctx, id)
	if err != nil {
		return Account{}, err
	}
	if a.Role == role {
		return a, nil
	}
	if a.Role == contracts.Moderator && !v.Moderates() {
		return Account{}, problem.New(problem.Forbidden, "only a moderator can take a moderator's role")
	}
	a.Role = role
	return s.store.Update(ctx, a)
}

func mayGive(v contracts.Viewer, id string, role contracts.Role) error {
	if !v.SignedIn() {
		return problem.New(problem.Unauthenticated, "sign in to change a role")
	}
	switch role {
	case contracts.Reader, contracts.Author:
		if !v.Is(id) && !v.Moderates() {
			return problem.New(problem.Forbidden, "you can change your own role only")
		}
	case contracts.Moderator:
		if !v.Moderates() {
			return problem.New(problem.Forbidden, "only a moderator can make a moderator")
		}
	default:
		var f problem.Fields
		f.Add("role", "%q is no role: use reader, author or moderator", role)
		return f.Err()
	}
	return nil
}

// Grant sets a role without asking who asks: the operator's way to the first
// moderator, from the command line.
func (s *Service) Grant(ctx context.Context, email string, role contracts.Role) (Account, error) {
	a, err := s.store.ByEmail(ctx, email)
	if err != nil {
		return Account{}, err
	}
	operator := contracts.Viewer{Person: contracts.Person{ID: "operator"}, Role: contracts.Moderator}
	return s.SetRole(ctx, operator, a.ID, role)
}
