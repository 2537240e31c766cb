package moderation

import (
	"log/slog"
	"net/http"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

const maxReason = 500 // characters

type handler struct {
	moderation *Service
	logger     *slog.Logger
	decided    Decided
}

// Decided is told of each comment that a moderator judged, before the answer begins,
// with the version that this made: where comments may be owned elsewhere, the
// moderator must see it whoever answers next.
type Decided func(w http.ResponseWriter, r *http.Request, commentID string, version int)

// Register adds the routes of moderation to the API's group; decided may be nil.
func Register(g *echo.Group, moderation *Service, logger *slog.Logger, decided Decided) {
	if decided == nil {
		decided = func(http.ResponseWriter, *http.Request, string, int) {}
	}
	h := handler{moderation, logger, decided}
	g.GET("/moderation/queue", h.queue)
	g.PUT("/moderation/comments/:id", h.decide)
	g.GET("/moderation/rules", h.rules)
	g.POST("/moderation/rules", h.addRule)
	g.DELETE("/moderation/rules/:id", h.deleteRule)
}

func viewer(c echo.Context) contracts.Viewer { return contracts.ViewerFrom(c.Request().Context()) }

func (h handler) queue(c echo.Context) error {
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := h.moderation.Queue(c.Request().Context(), viewer(c), page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, list)
}

// decide notes who decided and why in the log: that is where an operator looks when
// a decision is disputed.
func (h handler) decide(c echo.Context) error {
	in, _, err := httpkit.Read[struct {
		Verdict contracts.CommentStatus `json:"verdict"`
		Reason  string                  `json:"reason"`
	}](c)
	if err != nil {
		return err
	}
	var f problem.Fields
	if n := utf8.RuneCountInString(in.Reason); n > maxReason {
		f.Add("reason", "has %d characters: take at most %d", n, maxReason)
		return f.Err()
	}
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	comment, err := h.moderation.Decide(ctx, viewer(c), id, in.Verdict)
	if err != nil {
		return err
	}
	h.logger.InfoContext(ctx, "comment judged", "comment", id, "verdict", in.Verdict, "reason", in.Reason, "moderator", viewer(c).ID)
	h.decided(c.Response(), c.Request(), comment.ID, comment.Version)
	httpkit.SetETag(c, comment.Version)
	return httpkit.JSON(c, http.StatusOK, comment)
}

func (h handler) rules(c echo.Context) error {
	rules, err := h.moderation.Rules(c.Request().Context(), viewer(c))
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, httpkit.ListOf(rules))
}

func (h handler) addRule(c echo.Context) error {
	in, key, err := httpkit.Read[struct {
		Kind    Kind                    `json:"kind"`
		Pattern string                  `json:"pattern"`
		Max     int                     `json:"max"`
		Verdict contracts.CommentStatus `json:"verdict"`
	}](c)
	if err != nil {
		return err
	}
	rule := Rule{Kind: in.Kind, Pattern: in.Pattern, Max: in.Max, Verdict: in.Verdict}
	rule, replayed, err := h.moderation.AddRule(c.Request().Context(), viewer(c), rule, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.Replayed(c, replayed)
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/moderation/rules/"+rule.ID)
	return httpkit.JSON(c, http.StatusCreated, rule)
}

func (h handler) deleteRule(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "rule")
	if err != nil {
		return err
	}
	if err := h.moderation.DeleteRule(c.Request().Context(), viewer(c), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
