package pages

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

type queuePage struct {
	Items       []moderation.Item
	Missing     bool // the comments that wait can't be had now
	Newer, Next string
}

func (p *Pages) queue(c echo.Context) error {
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := p.Moderation.Queue(c.Request().Context(), viewer(c), at)
	missing := p.without(c, err)
	if err != nil && !missing {
		return err
	}
	page := queuePage{list.Items, missing, firstLink(c), nextLink(c, list.Next)}
	return p.show(c, http.StatusOK, "queue", view{Title: "Waiting for a moderator", Active: "moderation", Page: page})
}

// decide is asked from the queue and from under a post.
func (p *Pages) decide(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, verdict := c.Request().Context(), contracts.CommentStatus(f.values.Get("verdict"))
	comment, err := p.Moderation.Decide(ctx, viewer(c), id, verdict)
	switch {
	case problem.Is(err, problem.VersionMismatch):
		return p.done(c, "/moderation", "Its author changed the comment while you looked: read it again.")
	case problem.Is(err, problem.NotFound):
		return p.done(c, "/moderation", "That comment is not there any more.")
	case err != nil:
		return err
	}
	comments.NoteWrote(c.Response(), c.Request(), comment.ID, comment.Version)
	p.Logger.InfoContext(ctx, "comment judged", "comment", id, "verdict", verdict, "moderator", viewer(c).ID)
	return p.done(c, backOf(c), "The comment is "+string(verdict)+".")
}

type rulesPage struct {
	Rules   []moderation.Rule
	Kind    moderation.Kind // of the rule that is being added
	Pattern string
	Max     string
	Verdict contracts.CommentStatus
	Faults  faults
}

func (p *Pages) rules(c echo.Context) error {
	return p.showRules(c, http.StatusOK, rulesPage{Kind: moderation.Word, Max: "2", Verdict: contracts.Pending})
}

func (p *Pages) showRules(c echo.Context, status int, page rulesPage) error {
	rules, err := p.Moderation.Rules(c.Request().Context(), viewer(c))
	if err != nil {
		return err
	}
	page.Rules = rules
	return p.show(c, status, "rules", view{Title: "Rules for comments", Active: "rules", Page: page})
}

func (p *Pages) addRule(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	key, err := f.key()
	if err != nil {
		return err
	}
	page := rulesPage{
		Kind: moderation.Kind(f.values.Get("kind")), Pattern: f.line("pattern"), Max: f.line("max"),
		Verdict: contracts.CommentStatus(f.values.Get("verdict")),
	}
	rule, err := page.rule()
	if err == nil {
		_, _, err = p.Moderation.AddRule(c.Request().Context(), viewer(c), rule, key)
	}
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			page.Faults = wrong
			return p.showRules(c, status, page)
		})
	}
	return p.done(c, "/moderation/rules", "The rule holds for what is written from now on.")
}

// rule takes only what belongs to its kind: the form shows the fields of both.
func (r rulesPage) rule() (moderation.Rule, error) {
	rule := moderation.Rule{Kind: r.Kind, Verdict: r.Verdict}
	if r.Kind != moderation.Links {
		rule.Pattern = r.Pattern
		return rule, nil
	}
	limit, err := strconv.Atoi(r.Max)
	if err != nil {
		return rule, (&problem.Fields{{Field: "max", Detail: strconv.Quote(r.Max) + " is no number"}}).Err()
	}
	rule.Max = limit
	return rule, nil
}

func (p *Pages) deleteRule(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "rule")
	if err != nil {
		return err
	}
	err = p.Moderation.DeleteRule(c.Request().Context(), viewer(c), id)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	return p.done(c, "/moderation/rules", "The rule is gone.")
}

// giveRole lets a moderator change anybody's role.
func (p *Pages) giveRole(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "author")
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if !viewer(c).Moderates() {
		return problem.New(problem.Forbidden, "this is for moderators")
	}
	a, err := p.Desk.SetRole(c.Request().Context(), id, contracts.Role(f.values.Get("role")))
	if err != nil {
		return err
	}
	return p.done(c, "/authors/"+id, a.Name+" is now: "+string(a.Role)+".")
}
