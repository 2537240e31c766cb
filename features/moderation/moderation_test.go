package moderation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/problem"
)

// book is a store of rules in memory.
type book struct {
	moderation.Store
	rules []moderation.Rule
}

func (b *book) Rules(context.Context) ([]moderation.Rule, error) { return b.rules, nil }

func (b *book) AddRule(_ context.Context, r moderation.Rule, _ contracts.Key) (moderation.Rule, bool, error) {
	b.rules = append(b.rules, r)
	return r, false, nil
}

// decisions notes what was decided.
type decisions map[string]contracts.CommentStatus

func (d decisions) Decide(_ context.Context, _ contracts.Viewer, id string, status contracts.CommentStatus) (contracts.Comment, error) {
	d[id] = status
	return contracts.Comment{ID: id, Status: status}, nil
}

func word(w string, v contracts.CommentStatus) moderation.Rule {
	return moderation.Rule{Kind: moderation.Word, Pattern: w, Verdict: v}
}

func links(most int, v contracts.CommentStatus) moderation.Rule {
	return moderation.Rule{Kind: moderation.Links, Max: most, Verdict: v}
}

func judge(t require.TestingT, text string, rules ...moderation.Rule) contracts.Verdict {
	v, err := moderation.NewRulebook(&book{rules: rules}).Judge(context.Background(), text)
	require.NoError(t, err)
	return v
}

func TestAWordIsAWord(t *testing.T) {
	for text, caught := range map[string]bool{
		"spam": true, "SPAM!": true, "no (spam) please": true, "ham,spam,eggs": true, "spam\nspam": true, "my-spam-folder": true,
		"spammer": false, "antispam": false, "sp am": false, "": false, "spám": false, "spam2": false,
	} {
		want := contracts.Approved
		if caught {
			want = contracts.Pending
		}
		require.Equal(t, want, judge(t, text, word("spam", contracts.Pending)).Status, "%q", text)
	}
	require.Equal(t, contracts.Rejected, judge(t, "so ein MÜLL", word("müll", contracts.Rejected)).Status)
}

func TestLinksAreCounted(t *testing.T) {
	rule := links(2, contracts.Pending)
	for text, caught := range map[string]bool{
		"http://a https://b": false, "http://a https://b www.c": true, "HTTP://a HTTPS://b WWW.c": true,
		"http://www.a http://www.b": false, "no links at all": false, "www. http:// https://": false,
	} {
		require.Equal(t, caught, judge(t, text, rule).Status == contracts.Pending, "%q", text)
	}
	require.Contains(t, judge(t, "www.a www.b www.c", rule).Reason, "3")
}

func TestTheHardestVerdictCountsWhateverTheOrder(t *testing.T) {
	pending, rejected := word("maybe", contracts.Pending), word("never", contracts.Rejected)
	for _, rules := range [][]moderation.Rule{{pending, rejected}, {rejected, pending}} {
		require.Equal(t, contracts.Verdict{Status: contracts.Rejected, Reason: `the word "never"`}, judge(t, "maybe never", rules...))
		require.Equal(t, contracts.Verdict{Status: contracts.Pending, Reason: `the word "maybe"`}, judge(t, "maybe", rules...))
		require.Equal(t, contracts.Verdict{Status: contracts.Approved}, judge(t, "always", rules...))
	}
}

func TestMoreRulesNeverMakeAVerdictMilder(t *testing.T) {
	hardness := map[contracts.CommentStatus]int{contracts.Approved: 0, contracts.Pending: 1, contracts.Rejected: 2}
	rule := rapid.Custom(func(t *rapid.T) moderation.Rule {
		verdict := rapid.SampledFrom([]contracts.CommentStatus{contracts.Pending, contracts.Rejected}).Draw(t, "verdict")
		if rapid.Bool().Draw(t, "links") {
			return links(rapid.IntRange(0, 3).Draw(t, "max"), verdict)
		}
		return word(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "word"), verdict)
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "www.x", "http://y"})).Draw(t, "text"), " ")
		rules := rapid.SliceOf(rule).Draw(t, "rules")
		before, after := judge(t, text, rules...), judge(t, text, append(rules, rule.Draw(t, "one more"))...)
		require.GreaterOrEqual(t, hardness[after.Status], hardness[before.Status])
		require.Equal(t, after.Status == contracts.Approved, after.Reason == "", "who is held back is told why")
	})
}

func service() (*moderation.Service, *book, decisions) {
	b, d := &book{}, decisions{}
	return moderation.NewService(b, d, func() time.Time { return time.Unix(0, 0) }), b, d
}

var mo = contracts.Viewer{Person: contracts.Person{ID: "mo"}, Role: contracts.Moderator}

func TestModerationIsForModerators(t *testing.T) {
	s, b, d := service()
	for v, want := range map[contracts.Viewer]problem.Kind{
		{}: problem.Unauthenticated,
		{Person: contracts.Person{ID: "ann"}, Role: contracts.Author}: problem.Forbidden,
	} {
		_, err := s.Rules(t.Context(), v)
		require.Equal(t, want, problem.KindOf(err))
		_, _, err = s.AddRule(t.Context(), v, word("x", contracts.Pending), contracts.Key{})
		require.Equal(t, want, problem.KindOf(err))
		require.Equal(t, want, problem.KindOf(s.DeleteRule(t.Context(), v, "r")))
		_, err = s.Decide(t.Context(), v, "c", contracts.Approved)
		require.Equal(t, want, problem.KindOf(err))
	}
	require.Empty(t, b.rules)
	require.Empty(t, d)
}

func TestARuleIsChecked(t *testing.T) {
	s, _, _ := service()
	added, _, err := s.AddRule(t.Context(), mo, word("  SPAM ", contracts.Pending), contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, "spam", added.Pattern)
	require.True(t, contracts.IsID(added.ID))
	for _, r := range []moderation.Rule{
		{}, word("", contracts.Pending), word("two words", contracts.Pending), word("a.b", contracts.Pending), word("a\x00", contracts.Pending),
		word(strings.Repeat("a", 61), contracts.Pending), word("x", contracts.Approved), word("x", "maybe"),
		links(-1, contracts.Pending), links(101, contracts.Pending), {Kind: "regexp", Pattern: ".*", Verdict: contracts.Pending},
	} {
		_, _, err := s.AddRule(t.Context(), mo, r, contracts.Key{})
		require.Equal(t, problem.Validation, problem.KindOf(err), "%+v", r)
	}
}

func TestADecisionIsApprovedOrRejected(t *testing.T) {
	s, _, d := service()
	for i, status := range []contracts.CommentStatus{contracts.Approved, contracts.Rejected} {
		_, err := s.Decide(t.Context(), mo, fmt.Sprint(i), status)
		require.NoError(t, err)
		require.Equal(t, status, d[fmt.Sprint(i)])
	}
	for _, status := range []contracts.CommentStatus{"", contracts.Pending, "fine"} {
		_, err := s.Decide(t.Context(), mo, "c", status)
		require.Equal(t, problem.Validation, problem.KindOf(err))
	}
}
