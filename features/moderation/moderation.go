package moderation

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Kind is what a rule looks at.
type Kind string

// A word rule objects to a word, a link rule to more than so many links.
const (
	Word  Kind = "word"
	Links Kind = "links"
)

// Rule objects to a text, and says what happens to it then.
type Rule struct {
	ID        string                  `json:"id"`
	Kind      Kind                    `json:"kind"`
	Pattern   string                  `json:"pattern,omitempty"` // the word, of a word rule
	Max       int                     `json:"max"`               // links allowed, of a link rule
	Verdict   contracts.CommentStatus `json:"verdict"`           // pending or rejected
	CreatedAt time.Time               `json:"created_at"`
}

// Service is the use cases of moderation. It is safe for concurrent use.
type Service struct {
	store    Store
	comments Comments
	now      func() time.Time
}

// NewService returns the use cases over a store and the port.
func NewService(store Store, comments Comments, now func() time.Time) *Service {
	return &Service{store: store, comments: comments, now: now}
}

// Rulebook applies the rules. It is apart from Service because comments asks it while
// Service asks comments: wired this way neither waits for the other. It is safe for
// concurrent use.
type Rulebook struct {
	store Store
}

// NewRulebook returns the rulebook over a store.
func NewRulebook(store Store) *Rulebook { return &Rulebook{store} }

// Judge applies all rules to a text; the hardest verdict counts, and its rule is the
// reason. It satisfies the port that comments declares.
func (b *Rulebook) Judge(ctx context.Context, text string) (contracts.Verdict, error) {
	rules, err := b.store.Rules(ctx)
	if err != nil {
		return contracts.Verdict{}, fmt.Errorf("read moderation rules: %w", err)
	}
	return judge(rules, text), nil
}

func judge(rules []Rule, text string) contracts.Verdict {
	words, links := wordsOf(text), len(linkForm.FindAllStringIndex(text, -1))
	verdict := contracts.Verdict{Status: contracts.Approved}
	for _, r := range rules {
		reason := r.objection(words, links)
		if reason == "" || verdict.Status == contracts.Rejected {
			continue
		}
		if r.Verdict == contracts.Rejected || verdict.Status == contracts.Approved {
			verdict = contracts.Verdict{Status: r.Verdict, Reason: reason}
		}
	}
	return verdict
}

func (r Rule) objection(words map[string]bool, links int) string {
	switch {
	case r.Kind == Word && words[r.Pattern]:
		return fmt.Sprintf("the word %q", r.Pattern)
	case r.Kind == Links && links > r.Max:
		return fmt.Sprintf("more links than allowed: %d, and %d may be there", links, r.Max)
	}
	return ""
}

var (
	linkForm = regexp.MustCompile(`(?i)\b(?:https?://|www\.)\S`)
	wordForm = regexp.MustCompile(`[\p{L}\p{N}]+`)
)

func wordsOf(text string) map[string]bool {
	words := map[string]bool{}
	for _, w := range wordForm.FindAllString(strings.ToLower(text), -1) {
		words[w] = true
	}
	return words
}

// Queue returns what waits for a moderator, longest waiting first; Forbidden for
// others.
func (s *Service) Queue(ctx context.Context, v contracts.Viewer, page paging.Page) (paging.List[Item], error) {
	if err := moderator(v); err != nil {
		return paging.List[Item]{}, err
	}
	return s.store.Queue(ctx, page)
}

// Decide approves or rejects a comment. Problems: Forbidden, Validation, NotFound,
// VersionMismatch.
func (s *Service) Decide(ctx context.Context, v contracts.Viewer, commentID string, status contracts.CommentStatus) (contracts.Comment, error) {
	if err := moderator(v); err != nil {
		return contracts.Comment{}, err
	}
	if status != contracts.Approved && status != contracts.Rejected {
		var f problem.Fields
		f.Add("verdict", "%q is no verdict: use approved or rejected", status)
		return contracts.Comment{}, f.Err()
	}
	return s.comments.Decide(ctx, v, commentID, status)
}

// Rules returns all rules; Forbidden for others than moderators.
func (s *Service) Rules(ctx context.Context, v contracts.Viewer) ([]Rule, error) {
	if err := moderator(v); err != nil {
		return nil, err
	}
	return s.store.Rules(ctx)
}

// AddRule adds a rule for what is written from now on. Problems: Forbidden,
// Validation, KeyReused.
func (s *Service) AddRule(ctx context.Context, v contracts.Viewer, r Rule, key contracts.Key) (added Rule, replayed bool, err error) {
	if err := moderator(v); err != nil {
		return Rule{}, false, err
	}
	r.Pattern = strings.ToLower(strings.TrimSpace(r.Pattern))
	if err := r.check(); err != nil {
		return Rule{}, false, err
	}
	r.ID, r.CreatedAt = contracts.NewID(), s.now().UTC().Truncate(time.Microsecond)
	return s.store.AddRule(ctx, r, key)
}

func (r Rule) check() error {
	var f problem.Fields
	switch {
	case r.Kind != Word && r.Kind != Links:
		f.Add("kind", "%q is no kind of rule: use word or links", r.Kind)
	case r.Kind == Word && wordForm.FindString(r.Pattern) != r.Pattern || r.Kind == Word && r.Pattern == "":
		f.Add("pattern", "%q is not one word of letters and digits", r.Pattern)
	case r.Kind == Word && len(r.Pattern) > 60:
		f.Add("pattern", "has %d bytes: take at most 60", len(r.Pattern))
	case r.Kind == Links && (r.Max < 0 || r.Max > 100):
		f.Add("max", "%d links can't be: use 0 to 100", r.Max)
	}
	if r.Verdict != contracts.Pending && r.Verdict != contracts.Rejected {
		f.Add("verdict", "%q is no verdict of a rule: use pending or rejected", r.Verdict)
	}
	return f.Err()
}

// DeleteRule removes a rule. Problems: Forbidden, NotFound.
func (s *Service) DeleteRule(ctx context.Context, v contracts.Viewer, id string) error {
	if err := moderator(v); err != nil {
		return err
	}
	return s.store.DeleteRule(ctx, id)
}

func moderator(v contracts.Viewer) error {
	switch {
	case !v.SignedIn():
		return problem.New(problem.Unauthenticated, "sign in as a moderator")
	case !v.Moderates():
		return problem.New(problem.Forbidden, "this is for moderators")
	}
	return nil
}
