package seed

import (
	"context"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
)

// rules are a beginning for the moderators; the same, whatever the seed.
func rules() []moderation.Rule {
	c := chanceOf(0, "rules", 0)
	at := until.Add(-year)
	rule := func(kind moderation.Kind, pattern string, most int, verdict contracts.CommentStatus) moderation.Rule {
		return moderation.Rule{ID: c.id(at).String(), Kind: kind, Pattern: pattern, Max: most, Verdict: verdict, CreatedAt: at}
	}
	return []moderation.Rule{
		rule(moderation.Word, "casino", 0, contracts.Rejected),
		rule(moderation.Word, "crypto", 0, contracts.Pending),
		rule(moderation.Word, "refinance", 0, contracts.Pending),
		rule(moderation.Links, "", 2, contracts.Pending),
	}
}

// rulebook is a store of those rules, so that what is held back here is what the
// feature itself would hold back.
type rulebook struct {
	moderation.Store
	rules []moderation.Rule
}

func (r rulebook) Rules(context.Context) ([]moderation.Rule, error) { return r.rules, nil }
