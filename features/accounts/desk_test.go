package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

// people is a store with what the desk needs of it.
type people struct {
	accounts.Store
	rows map[string]accounts.Account // by address
	keys map[string]contracts.Key
}

func (p *people) Create(_ context.Context, a accounts.Account, key contracts.Key) (accounts.Account, bool, error) {
	if known, ok := p.keys[key.Value]; ok && key.Given() {
		if known != key {
			return accounts.Account{}, false, problem.New(problem.KeyReused, "another request")
		}
		return p.rows[a.Email], true, nil
	}
	if _, ok := p.rows[a.Email]; ok {
		return accounts.Account{}, false, problem.New(problem.EmailTaken, "taken")
	}
	p.rows[a.Email], p.keys[key.Value] = a, key
	return a, false, nil
}

func (p *people) ByEmail(_ context.Context, email string) (accounts.Account, error) {
	if a, ok := p.rows[strings.ToLower(email)]; ok {
		return a, nil
	}
	return accounts.Account{}, problem.New(problem.NotFound, "nobody")
}

// seats notes who was signed in.
type seats struct {
	signedIn []string
	fail     error
}

func (s *seats) SignIn(_ context.Context, id string) error {
	s.signedIn = append(s.signedIn, id)
	return s.fail
}
func (s *seats) SignOut(context.Context) error                        { return s.fail }
func (s *seats) List(context.Context, string) ([]session.Info, error) { return nil, s.fail }
func (s *seats) Revoke(context.Context, string, string) error         { return s.fail }
func (s *seats) InvalidateUser(context.Context, string) error         { return s.fail }

func desk() (*accounts.Desk, *people, *seats) {
	store := &people{rows: map[string]accounts.Account{}, keys: map[string]contracts.Key{}}
	sessions := &seats{}
	c := newClock()
	service := accounts.NewService(store, accounts.NewPasswords(2), c.Now)
	return accounts.NewDesk(service, sessions, accounts.NewThrottle(c.Now)), store, sessions
}

var ada = accounts.SignUp{Name: "Ada", Email: "ada@example.org", Password: "correct horse battery"}

func TestSigningUpTwiceWithOneKeyIsOneAccount(t *testing.T) {
	desk, store, sessions := desk()
	first, replayed, err := desk.SignUp(t.Context(), ada, "k-1", "192.0.2.1")
	require.NoError(t, err)
	require.False(t, replayed)
	again, replayed, err := desk.SignUp(t.Context(), ada, "k-1", "192.0.2.1")
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first.ID, again.ID)
	require.Len(t, store.rows, 1)
	require.Equal(t, []string{first.ID, first.ID}, sessions.signedIn, "the lost answer's session is begun anew")
}

func TestAKeyDoesNotSignInWithoutThePassword(t *testing.T) {
	desk, _, sessions := desk()
	_, _, err := desk.SignUp(t.Context(), ada, "k-1", "192.0.2.1")
	require.NoError(t, err)
	thief := ada
	thief.Password = "another password"
	_, _, err = desk.SignUp(t.Context(), thief, "k-1", "192.0.2.2")
	require.True(t, problem.Is(err, problem.KeyReused), "%v", err)
	require.Len(t, sessions.signedIn, 1)
	for range 20 {
		_, _, err = desk.SignUp(t.Context(), thief, "k-1", "192.0.2.2")
	}
	var throttled *accounts.Throttled
	require.ErrorAs(t, err, &throttled, "guessing by replays is guessing")
}

func TestUnknownAddressAndWrongPasswordAreTheSame(t *testing.T) {
	desk, _, sessions := desk()
	_, _, err := desk.SignUp(t.Context(), ada, "", "192.0.2.1")
	require.NoError(t, err)
	_, wrong := desk.SignIn(t.Context(), ada.Email, "wrong password", "192.0.2.1")
	_, unknown := desk.SignIn(t.Context(), "nobody@example.org", "wrong password", "192.0.2.1")
	require.True(t, problem.Is(wrong, problem.BadCredentials))
	require.Equal(t, wrong.Error(), unknown.Error())
	require.Len(t, sessions.signedIn, 1)
}

func TestASessionThatCouldNotBeginIsAnError(t *testing.T) {
	desk, _, sessions := desk()
	sessions.fail = errors.New("redis is gone")
	_, _, err := desk.SignUp(t.Context(), ada, "", "192.0.2.1")
	require.ErrorIs(t, err, sessions.fail)
}
