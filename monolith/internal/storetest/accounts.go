package storetest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

func accountPromises() []promise {
	return []promise{
		{"an account is found again by id, and by address in any case", func(s *stage) {
			want := newAccount(s, "Ada Löve", contracts.Author)
			want.Email = "Ada@Example.org"
			created, replayed, err := s.Accounts.Create(s.ctx(), want, contracts.Key{})
			require.NoError(s, err)
			require.False(s, replayed)
			require.Equal(s, want, created)
			for _, find := range []func() (accounts.Account, error){
				func() (accounts.Account, error) { return s.Accounts.ByID(s.ctx(), want.ID) },
				func() (accounts.Account, error) { return s.Accounts.ByEmail(s.ctx(), "ada@example.org") },
				func() (accounts.Account, error) { return s.Accounts.ByEmail(s.ctx(), "ADA@EXAMPLE.ORG") },
			} {
				got, err := find()
				require.NoError(s, err)
				require.Equal(s, want, got)
			}
		}},
		{"who is not there is not found", func(s *stage) {
			for _, id := range []string{contracts.NewID(), "", "no id", "'; DROP TABLE accounts; --"} {
				_, err := s.Accounts.ByID(s.ctx(), id)
				s.refused(problem.NotFound, err)
			}
			for _, email := range []string{"nobody@example.org", "", "%", "\x00", "\xff@example.org"} {
				_, err := s.Accounts.ByEmail(s.ctx(), email)
				s.refused(problem.NotFound, err)
			}
			_, err := s.Accounts.Update(s.ctx(), newAccount(s, "Nobody", contracts.Reader))
			s.refused(problem.NotFound, err)
		}},
		{"an address has one account, whatever the case and the number of hands", func(s *stage) {
			errs := race(8, func(i int) error {
				a := newAccount(s, "Ada", contracts.Reader)
				a.Email = []string{"ada@example.org", "Ada@Example.ORG"}[i%2]
				_, _, err := s.Accounts.Create(s.ctx(), a, contracts.Key{})
				return err
			})
			require.Equal(s, 1, s.won(errs, problem.EmailTaken))
		}},
		{"a retried sign-up is one account", func(s *stage) {
			made := make([]accounts.Account, 8)
			replays := make([]bool, len(made))
			errs := race(len(made), func(i int) (err error) {
				a := newAccount(s, "Ada", contracts.Reader)
				a.Email = "ada@example.org"
				made[i], replays[i], err = s.Accounts.Create(s.ctx(), a, key("k", "sign up"))
				return err
			})
			require.Equal(s, len(made), s.won(errs, ""))
			first := 0
			for i, a := range made {
				require.Equal(s, made[0], a)
				if !replays[i] {
					first++
				}
			}
			require.Equal(s, 1, first, "all but one are replays")
			_, _, err := s.Accounts.Create(s.ctx(), newAccount(s, "Bob", contracts.Reader), key("k", "another"))
			s.refused(problem.KeyReused, err)
		}},
		{"a sign-up that failed leaves its key free", func(s *stage) {
			taken := newAccount(s, "Ada", contracts.Reader)
			_, _, err := s.Accounts.Create(s.ctx(), taken, contracts.Key{})
			require.NoError(s, err)
			again := newAccount(s, "Ada", contracts.Reader)
			again.Email = strings.ToUpper(taken.Email)
			_, _, err = s.Accounts.Create(s.ctx(), again, key("k", "first try"))
			s.refused(problem.EmailTaken, err)
			_, replayed, err := s.Accounts.Create(s.ctx(), newAccount(s, "Ada", contracts.Reader), key("k", "second try"))
			require.NoError(s, err)
			require.False(s, replayed)
		}},
		{"name and role change, and nothing else", func(s *stage) {
			was := newAccount(s, "Ada", contracts.Reader)
			_, _, err := s.Accounts.Create(s.ctx(), was, contracts.Key{})
			require.NoError(s, err)
			change := accounts.Account{ID: was.ID, Name: "Ada L.", Role: contracts.Author, Version: 1}
			got, err := s.Accounts.Update(s.ctx(), change)
			require.NoError(s, err)
			want := was
			want.Name, want.Role, want.Version = "Ada L.", contracts.Author, 2
			require.Equal(s, want, got)
			_, err = s.Accounts.Update(s.ctx(), change)
			s.refused(problem.VersionMismatch, err)
			got, err = s.Accounts.ByID(s.ctx(), was.ID)
			require.NoError(s, err)
			require.Equal(s, want, got)
		}},
		{"of many who change one version of an account, one wins", func(s *stage) {
			ada := s.person("Ada", contracts.Reader)
			errs := race(8, func(int) error {
				_, err := s.Accounts.Update(s.ctx(), accounts.Account{ID: ada.ID, Name: s.word(), Role: contracts.Reader, Version: 1})
				return err
			})
			require.Equal(s, 1, s.won(errs, problem.VersionMismatch))
		}},
	}
}
