package accounts_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// roll is a store that can change accounts too.
type roll struct{ *people }

func (r roll) ByID(_ context.Context, id string) (accounts.Account, error) {
	for _, a := range r.rows {
		if a.ID == id {
			return a, nil
		}
	}
	return accounts.Account{}, problem.New(problem.NotFound, "nobody")
}

func (r roll) Update(ctx context.Context, a accounts.Account) (accounts.Account, error) {
	now, err := r.ByID(ctx, a.ID)
	if err != nil {
		return accounts.Account{}, err
	}
	if now.Version != a.Version {
		return accounts.Account{}, problem.New(problem.VersionMismatch, "another version")
	}
	now.Name, now.Role, now.Version = a.Name, a.Role, a.Version+1
	r.rows[now.Email] = now
	return now, nil
}

func service() *accounts.Service {
	store := roll{&people{rows: map[string]accounts.Account{}, keys: map[string]contracts.Key{}}}
	return accounts.NewService(store, accounts.NewPasswords(4), newClock().Now)
}

func join(t *testing.T, s *accounts.Service, email string, role contracts.Role) contracts.Viewer {
	t.Helper()
	_, _, err := s.SignUp(t.Context(), accounts.SignUp{Name: "Ada", Email: email, Password: "correct horse"}, contracts.Key{})
	require.NoError(t, err)
	a, err := s.Grant(t.Context(), email, role)
	require.NoError(t, err)
	return a.Viewer()
}

func TestWhoSignsUpIsAReader(t *testing.T) {
	a, _, err := service().SignUp(t.Context(), accounts.SignUp{Name: " Ada ", Email: " ada@example.org ", Password: "correct horse"}, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, contracts.Reader, a.Role)
	require.Equal(t, "Ada", a.Name)
	require.Equal(t, "ada@example.org", a.Email)
	require.True(t, contracts.IsID(a.ID))
	require.NotContains(t, a.PasswordHash, "correct")
}

func TestABadSignUpNamesEachField(t *testing.T) {
	fine := accounts.SignUp{Name: "Ada", Email: "ada@example.org", Password: "correct horse"}
	for name, c := range map[string]struct {
		change func(*accounts.SignUp)
		fields []string
	}{
		"everything":        {func(in *accounts.SignUp) { *in = accounts.SignUp{} }, []string{"name", "email", "password"}},
		"blank name":        {func(in *accounts.SignUp) { in.Name = " \t" }, []string{"name"}},
		"long name":         {func(in *accounts.SignUp) { in.Name = strings.Repeat("ü", 61) }, []string{"name"}},
		"line in the name":  {func(in *accounts.SignUp) { in.Name = "Ada\nBcc: x" }, []string{"name"}},
		"NUL in the name":   {func(in *accounts.SignUp) { in.Name = "A\x00a" }, []string{"name"}},
		"no address":        {func(in *accounts.SignUp) { in.Email = "ada" }, []string{"email"}},
		"name and address":  {func(in *accounts.SignUp) { in.Email = "Ada <ada@example.org>" }, []string{"email"}},
		"two addresses":     {func(in *accounts.SignUp) { in.Email = "a@example.org, b@example.org" }, []string{"email"}},
		"header in address": {func(in *accounts.SignUp) { in.Email = "a@example.org\r\nBcc: b@example.org" }, []string{"email"}},
		"short password":    {func(in *accounts.SignUp) { in.Password = "ninechars" }, []string{"password"}},
		"endless password":  {func(in *accounts.SignUp) { in.Password = strings.Repeat("x", 257) }, []string{"password"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := fine
			c.change(&in)
			_, _, err := service().SignUp(t.Context(), in, contracts.Key{})
			var p *problem.Error
			require.ErrorAs(t, err, &p)
			require.Equal(t, problem.Validation, p.Kind)
			var fields []string
			for _, f := range p.Fields {
				fields = append(fields, f.Field)
				require.NotContains(t, f.Detail, in.Password+"!", "a password is never shown")
			}
			require.Equal(t, c.fields, fields)
		})
	}
}

func TestAPasswordMatchesItsHashAndNoOther(t *testing.T) {
	p := accounts.NewPasswords(2)
	hash, err := p.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"))
	again, err := p.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.NotEqual(t, hash, again, "each has a salt of its own")
	for password, want := range map[string]bool{
		"correct horse": true, "correct horse ": false, "Correct horse": false, "": false, strings.Repeat("x", 1<<20): false,
	} {
		got, err := p.Matches(t.Context(), hash, password)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, password := range []string{"", "anything"} {
		got, err := p.Matches(t.Context(), "", password)
		require.NoError(t, err)
		require.False(t, got, "no account matches nothing")
	}
	_, err = p.Matches(t.Context(), "plain text", "plain text")
	require.Error(t, err)
}

func TestHashingTakesTurns(t *testing.T) {
	p := accounts.NewPasswords(1)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := p.Hash(t.Context(), "correct horse")
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for err := error(nil); err == nil; { // a free turn may be taken even so
		_, err = p.Hash(ctx, "correct horse")
	}
}

func TestSigningInTellsNotWhatWasWrong(t *testing.T) {
	s := service()
	join(t, s, "ada@example.org", contracts.Reader)
	a, err := s.Authenticate(t.Context(), " ADA@example.org ", "correct horse")
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", a.Email)
	_, wrong := s.Authenticate(t.Context(), "ada@example.org", "wrong horse")
	_, unknown := s.Authenticate(t.Context(), "bob@example.org", "correct horse")
	require.True(t, problem.Is(wrong, problem.BadCredentials))
	require.Equal(t, wrong, unknown)
}

// The whole table of who may give whom which role.
func TestRoles(t *testing.T) {
	const self, other = true, false
	for _, c := range []struct {
		who  contracts.Role
		self bool
		is   contracts.Role
		to   contracts.Role
		want problem.Kind
	}{
		{contracts.Reader, self, contracts.Reader, contracts.Author, ""},
		{contracts.Author, self, contracts.Author, contracts.Reader, ""},
		{contracts.Reader, self, contracts.Reader, contracts.Moderator, problem.Forbidden},
		{contracts.Author, other, contracts.Reader, contracts.Author, problem.Forbidden},
		{contracts.Author, other, contracts.Moderator, contracts.Reader, problem.Forbidden},
		{contracts.Moderator, other, contracts.Reader, contracts.Moderator, ""},
		{contracts.Moderator, other, contracts.Moderator, contracts.Reader, ""},
		{contracts.Moderator, self, contracts.Moderator, contracts.Reader, ""},
		{contracts.Moderator, other, contracts.Reader, "king", problem.Validation},
		{"", other, contracts.Reader, contracts.Author, problem.Unauthenticated},
	} {
		s := service()
		var v contracts.Viewer
		if c.who != "" {
			v = join(t, s, "who@example.org", c.who)
		}
		target := v
		if !c.self {
			target = join(t, s, "target@example.org", c.is)
		}
		a, err := s.SetRole(t.Context(), v, target.ID, c.to)
		if c.want == "" {
			require.NoError(t, err, "%+v", c)
			require.Equal(t, c.to, a.Role)
			continue
		}
		require.True(t, problem.Is(err, c.want), "%+v: %v", c, err)
	}
}

func TestWhoWasAModeratorWhenSigningInMayNotBeOneNow(t *testing.T) {
	s := service()
	join(t, s, "mo@example.org", contracts.Moderator)
	a, err := s.Authenticate(t.Context(), "mo@example.org", "correct horse")
	require.NoError(t, err)
	stale := a.Viewer()
	stale.Role = contracts.Reader // what the session cached before the role was given
	_, err = s.SetRole(t.Context(), stale, a.ID, contracts.Author)
	require.True(t, problem.Is(err, problem.Forbidden))
}

func TestANameIsChangedByItsOwnerAtOneVersion(t *testing.T) {
	s := service()
	v := join(t, s, "ada@example.org", contracts.Reader)
	_, err := s.Rename(t.Context(), contracts.Viewer{}, "Eve", 1)
	require.True(t, problem.Is(err, problem.Unauthenticated))
	_, err = s.Rename(t.Context(), v, " ", 1)
	require.True(t, problem.Is(err, problem.Validation))
	a, err := s.Rename(t.Context(), v, " Ada L. ", 1)
	require.NoError(t, err)
	require.Equal(t, "Ada L.", a.Name)
	_, err = s.Rename(t.Context(), v, "Late", 1)
	require.True(t, problem.Is(err, problem.VersionMismatch))
}
