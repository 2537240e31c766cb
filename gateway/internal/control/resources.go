package control

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
)

// owning is who has a resource, as the API tells and takes it.
type owning struct {
	Owner string `json:"owner"`
	Epoch int64  `json:"epoch"`
}

// moved is what came of a move.
type moved struct {
	Name     string `json:"name"`
	Owner    string `json:"owner"`
	Epoch    int64  `json:"epoch"`
	Revision int64  `json:"revision"` // that is in force
	Changed  bool   `json:"changed"`
}

// listResources tells who has what.
func (s *Server) listResources(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]any{"resources": s.Status().Resources})
}

// readResource tells who has one resource.
func (s *Server) readResource(c echo.Context) error {
	name, err := parameter(c, "resource")
	if err != nil {
		return err
	}
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return noResource(name)
	}
	has := snapshot.Table.Config.Resource(name)
	if has == nil {
		return noResource(name)
	}
	return c.JSON(http.StatusOK, moved{name, has.Owner, has.Epoch, snapshot.Revision, false})
}

func noResource(name string) error {
	return echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("%q is no resource; GET /api/status names them", name))
}

// moveResource gives a resource to an owner, from an epoch on. The epoch is what is
// compared, so no If-Match is needed: who comes late with an earlier one is refused,
// and the same again changes nothing.
func (s *Server) moveResource(c echo.Context) error {
	name, err := parameter(c, "resource")
	if err != nil {
		return err
	}
	var to owning
	if err := body(c, &to); err != nil {
		return err
	}
	if to.Owner == "" || to.Epoch < 1 {
		return echo.NewHTTPError(http.StatusUnprocessableEntity, `write {"owner": "name", "epoch": 2}; epochs are above 0`)
	}
	out, err := s.move(name, to)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(out.Revision))
	return c.JSON(http.StatusOK, out)
}

// maxRaces is how often a move is made anew because somebody else changed something
// meanwhile.
const maxRaces = 10

func (s *Server) move(name string, to owning) (moved, error) {
	for range maxRaces {
		running := s.current.Snapshot()
		if running == nil {
			return moved{}, noResource(name)
		}
		has := running.Table.Config.Resource(name)
		if has == nil {
			return moved{}, noResource(name)
		}
		if has.Owner == to.Owner && has.Epoch == to.Epoch {
			return moved{name, to.Owner, to.Epoch, running.Revision, false}, nil
		}
		text, err := withOwner(running.Table.Config, running.Revision+1, name, to)
		var wrong config.Errors
		switch {
		case errors.As(err, &wrong):
			return moved{}, echo.NewHTTPError(http.StatusUnprocessableEntity, wrong.Error())
		case err != nil:
			return moved{}, echo.NewHTTPError(http.StatusConflict, err.Error())
		}
		next, err := s.current.Replace("api", "body", text, running.Revision)
		if errors.Is(err, current.ErrMismatch) {
			continue
		}
		if err != nil {
			return moved{}, notApplied(err)
		}
		return moved{name, to.Owner, to.Epoch, next.Revision, true}, nil
	}
	return moved{}, echo.NewHTTPError(http.StatusConflict, "the configuration changes all the time; try again")
}

// withOwner returns the configuration's text with one resource's owner and epoch and
// the revision replaced, and every other byte as it was, as withShare does.
func withOwner(c *config.Config, revision int64, name string, to owning) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(c.Source, &document); err != nil || len(document.Content) == 0 {
		return nil, errPlace
	}
	root := document.Content[0]
	resource := field(field(root, "resources"), name)
	owner := field(resource, "owner")
	edits := []edit{{owner, spelled(owner, to.Owner)}, {field(resource, "epoch"), strconv.FormatInt(to.Epoch, 10)}}
	if c.Revision != 0 {
		edits = append(edits, edit{field(root, "revision"), strconv.FormatInt(revision, 10)})
	}
	text, err := replaced(string(c.Source), edits)
	if err != nil {
		return nil, err
	}
	return text, onlyOwnerDiffers(c, text, name, to)
}

// spelled is a name as it must stand where another text stood: in its quotes, if it
// has them, and in quotes if YAML would take it for something else.
func spelled(was *yaml.Node, name string) string {
	if was != nil && was.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return name // the quotes stay
	}
	var plain yaml.Node
	if err := yaml.Unmarshal([]byte(name), &plain); err != nil || len(plain.Content) != 1 || plain.Content[0].Tag != "!!str" {
		return `"` + name + `"`
	}
	return name
}

// onlyOwnerDiffers reads the new text: nothing has changed that the move doesn't
// change. Two resources that share a place of the file (a YAML alias) are refused so.
func onlyOwnerDiffers(c *config.Config, text []byte, name string, to owning) error {
	after, err := config.Parse("body", text)
	if err != nil {
		return err
	}
	a, b := plainly(after), plainly(c)
	for i := range b.Resources {
		if b.Resources[i].Name == name {
			b.Resources[i].Owner, b.Resources[i].Epoch = to.Owner, to.Epoch
		}
	}
	if !reflect.DeepEqual(a, b) {
		return errPlace
	}
	return nil
}

// plainly is a configuration without what follows from who has a resource: owners of
// its routes, their timeouts, and what rests because of them.
func plainly(c *config.Config) config.Config {
	out := *c
	out.Source, out.Revision = nil, 0
	out.Resources = append([]config.Resource(nil), c.Resources...)
	out.Routes = append([]config.Route(nil), c.Routes...)
	for i := range out.Routes {
		r := &out.Routes[i]
		if r.Resource == "" {
			continue
		}
		r.Owner, r.Timeout = "", 0
		if r.Canary == nil {
			r.Canary = r.Resting.Canary
		}
		if r.Shadow == nil {
			r.Shadow = r.Resting.Shadow
		}
		r.Resting = config.Resting{}
	}
	return out
}

// resources tells who has what.
func (r reading) resources() []status.Resource {
	out := []status.Resource{}
	c := r.snapshot.Table.Config
	for _, has := range c.Resources {
		out = append(out, status.Resource{Name: has.Name, Owner: has.Owner, Epoch: has.Epoch, Routes: c.RoutesOf(has.Name)})
	}
	return out
}

// identity tells how it goes to find out who asks; nil where nobody wants to know.
func (r reading) identity() *status.Identity {
	by := r.snapshot.Table.Config.Identity
	if by == nil || r.snapshot.Who == nil {
		return nil
	}
	f := r.snapshot.Who.Figures()
	out := &status.Identity{Owner: by.Owner, Path: by.Path, Known: f.Known, Nobody: f.Nobody, Failed: f.Failed}
	if f.Last != nil {
		out.LastFailure = &status.Refused{At: f.Last.At.UTC(), Source: by.Owner, Reason: f.Last.Reason}
	}
	return out
}
