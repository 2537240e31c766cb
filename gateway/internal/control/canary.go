package control

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
)

// setCanary puts the next revision in force, in which the route's canary has another
// share. If-Match is as in PUT /api/config.
func (s *Server) setCanary(c echo.Context) error {
	route, err := s.route(c)
	if err != nil {
		return err
	}
	seen, err := ifMatch(c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	var want struct {
		Percent *float64 `json:"percent"`
	}
	if err := body(c, &want); err != nil {
		return err
	}
	if want.Percent == nil || *want.Percent < 0 || *want.Percent > 100 {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, `write {"percent": 5}, from 0 to 100`)
	}
	return s.steer(c, route.Name, *want.Percent, seen)
}

func (s *Server) steer(c echo.Context, route string, percent float64, seen int64) error {
	running := s.current.Snapshot()
	if seen == current.Any {
		seen = running.Revision // what the next text is made of
	}
	place := index(running.Table, route)
	if place < 0 { // a swap has dropped it since
		return echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("%q is no route any more; GET /api/status names them", route))
	}
	text, err := withShare(running.Table.Config, running.Revision+1, place, percent)
	var wrong config.Errors
	switch {
	case errors.As(err, &wrong):
		return echo.NewHTTPError(http.StatusUnprocessableEntity, wrong.Error())
	case err != nil:
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	}
	revision, err := s.apply(text, seen)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(revision))
	return c.JSON(http.StatusOK, map[string]any{
		"revision": revision, "percent": percent,
		"note": fmt.Sprintf("%s sends %g %% to its canary: revision %d, at this gateway only and until it restarts. The file is now behind: write percent %g and revision %d into it.",
			route, percent, revision, percent, revision),
	})
}

// errPlace says that a text can't be edited by place.
var errPlace = errors.New("the running text can't be edited in place: change it yourself and send it with PUT /api/config")

// withShare returns the configuration's text with the share of one canary and the
// revision replaced, and every other byte as it was: comments, order, white space.
// That only these two have changed is checked by reading the new text; a text whose
// canary several routes share (a YAML alias) is refused so.
func withShare(c *config.Config, revision int64, route int, percent float64) ([]byte, error) {
	if c.Routes[route].Resting.Canary != nil {
		return nil, fmt.Errorf("the canary of %s rests: %s has its resource, and answers everybody", c.Routes[route].Name, c.Routes[route].Owner)
	}
	if c.Routes[route].Canary == nil {
		return nil, fmt.Errorf("%s has no canary: add canary: {owner: ..., percent: ...} to the configuration first", c.Routes[route].Name)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(c.Source, &document); err != nil || len(document.Content) == 0 {
		return nil, errPlace
	}
	root := document.Content[0]
	share := field(field(item(field(root, "routes"), route), "canary"), "percent")
	edits := []edit{{share, strconv.FormatFloat(percent, 'f', -1, 64)}}
	if c.Revision != 0 {
		edits = append(edits, edit{field(root, "revision"), strconv.FormatInt(revision, 10)})
	}
	text, err := replaced(string(c.Source), edits)
	if err != nil {
		return nil, err
	}
	return text, onlyShareDiffers(c, text, route)
}

func onlyShareDiffers(c *config.Config, text []byte, route int) error {
	after, err := config.Parse("body", text)
	if err != nil {
		return err
	}
	after.Source, after.Revision = c.Source, c.Revision
	after.Routes[route].Canary.Share = c.Routes[route].Canary.Share
	if !reflect.DeepEqual(after, c) {
		return errPlace
	}
	return nil
}

// field is a mapping's value, or nil.
func field(mapping *yaml.Node, name string) *yaml.Node {
	mapping = aliased(mapping)
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return aliased(mapping.Content[i+1])
		}
	}
	return nil
}

func item(list *yaml.Node, i int) *yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode || i >= len(list.Content) {
		return nil
	}
	return aliased(list.Content[i])
}

// aliased is what an alias stands for.
func aliased(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// edit is a scalar and what stands there afterwards, within its quotes if it has any.
type edit struct {
	node *yaml.Node
	text string
}

func replaced(text string, edits []edit) ([]byte, error) {
	lines := strings.SplitAfter(text, "\n")
	for i, e := range edits {
		if e.node == nil || e.node.Line < 1 || e.node.Line > len(lines) {
			return nil, errPlace
		}
		line := &lines[e.node.Line-1]
		runes := []rune(*line) // a column counts characters
		at := e.node.Column - 1
		if e.node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			at++ // the quotes stay where they are
		}
		if at < 0 || at > len(runes) || !strings.HasPrefix(string(runes[at:]), e.node.Value) {
			return nil, errPlace // with escapes, or over several lines
		}
		*line = string(runes[:at]) + e.text + strings.TrimPrefix(string(runes[at:]), e.node.Value)
		shift(edits[i+1:], e)
	}
	return []byte(strings.Join(lines, "")), nil
}

// shift moves those that stand behind an edit on the same line.
func shift(rest []edit, done edit) {
	for _, e := range rest {
		if e.node != nil && e.node.Line == done.node.Line && e.node.Column > done.node.Column {
			e.node.Column += len(done.text) - len(done.node.Value)
		}
	}
}
