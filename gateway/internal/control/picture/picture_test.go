package picture_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/control/picture"
	"banyan.dev/gateway/internal/control/status"
)

func side(owner, role string, share, rate float64) status.Side {
	return status.Side{Owner: owner, Role: role, Share: share, Figures: status.Figures{Recent: status.Recent{PerSecond: rate}}}
}

func well(names ...string) []status.Replica {
	var list []status.Replica
	for _, name := range names {
		list = append(list, status.Replica{Name: name, Healthy: true})
	}
	return list
}

// blog is a gateway with a canary, a shadow and a shared database.
func blog() status.Status {
	shared := status.Use{Kind: "postgres", Name: "blog", Address: "db:5432"}
	return status.Status{
		Name: "gateway", Revision: 7,
		Owners: []status.Owner{
			{Name: "comments", Replicas: well("c0"), Uses: []status.Use{shared}},
			{Name: "monolith", Replicas: well("m0", "m1"), Uses: []status.Use{shared, {Kind: "redis", Name: "redis"}}},
		},
		Routes: []status.Route{
			{
				Name: "read", Canary: &status.Canary{Owner: "comments", Percent: 5}, Shadow: &status.Shadow{Owner: "comments", Percent: 10, PerSecond: 2},
				Sides:   []status.Side{side("monolith", status.Baseline, 95, 190), side("comments", status.Canaried, 5, 10)},
				Figures: status.Figures{Recent: status.Recent{PerSecond: 200}},
			},
			{Name: "rest", Sides: []status.Side{side("monolith", status.Baseline, 100, 10)}, Figures: status.Figures{Recent: status.Recent{PerSecond: 10}}},
		},
	}
}

func line(t *testing.T, d picture.Drawing, key string) picture.Line {
	t.Helper()
	for _, l := range d.Lines {
		if l.Key == key {
			return l
		}
	}
	require.Fail(t, "no line", "%s in %s", key, d.Layout)
	return picture.Line{}
}

func box(t *testing.T, d picture.Drawing, key string) picture.Box {
	t.Helper()
	for _, b := range d.Boxes {
		if b.Key == key {
			return b
		}
	}
	require.Fail(t, "no box", "%s in %s", key, d.Layout)
	return picture.Box{}
}

// says is all text of a drawing.
func says(d picture.Drawing) string {
	var all []string
	for _, b := range d.Boxes {
		for _, text := range b.Texts {
			all = append(all, text.Text)
		}
	}
	for _, l := range d.Lines {
		if l.Label != nil {
			all = append(all, l.Label.Text)
		}
	}
	return strings.Join(all, "\n")
}

func TestEachLayoutTellsTheSame(t *testing.T) {
	for _, d := range picture.All(blog()) {
		t.Run(d.Layout, func(t *testing.T) {
			for _, text := range []string{"Clients", "210/s", "gateway", "revision 7", "monolith", "comments", "m0", "m1", "c0", "canary 5\u00a0% · 10/s", "shadow 10\u00a0% · 2.0/s", "200/s"} {
				require.Contains(t, says(d), text)
			}
			baseline, canary, shadow := line(t, d, "baseline monolith"), line(t, d, "canary comments"), line(t, d, "shadow comments")
			require.Greater(t, baseline.Width, canary.Width)
			require.Greater(t, canary.Width, shadow.Width)
			require.Equal(t, []int{3, 2, 1}, []int{baseline.Flow, canary.Flow, shadow.Flow})
			require.Equal(t, picture.Well, box(t, d, "owner monolith").State)
		})
	}
}

func TestWhatIsSharedIsDrawnOnce(t *testing.T) {
	wide := picture.All(blog())[0]
	stores := 0
	for _, b := range wide.Boxes {
		if b.Kind == picture.Store {
			stores++
		}
	}
	require.Equal(t, 2, stores)
	line(t, wide, "uses comments postgres db:5432 blog")
	line(t, wide, "uses monolith postgres db:5432 blog")
}

func TestAHeldRouteGatesItsLines(t *testing.T) {
	s := blog()
	s.Routes[0].Hold = status.Hold{Held: true, Waiting: 12}
	for _, d := range picture.All(s) {
		require.NotNil(t, line(t, d, "baseline monolith").Gate, d.Layout)
		require.NotNil(t, line(t, d, "canary comments").Gate, d.Layout)
		require.Nil(t, line(t, d, "shadow comments").Gate, d.Layout)
		require.Equal(t, 1, strings.Count(says(d), "12 wait"), "the waiting are counted once")
		require.Contains(t, says(d), "canary 5\u00a0% · held")
	}
	require.Contains(t, says(picture.All(s)[0]), "1 of 2 routes held, 12 wait")
	s.Routes[1].Hold = status.Hold{Held: true}
	require.Contains(t, says(picture.All(s)[0]), "\nheld, 12 wait")
}

func TestHealthIsAShape(t *testing.T) {
	soon := time.Unix(100, 0)
	for name, c := range map[string]struct {
		change func(*status.Owner)
		state  string
		mark   string
		says   string
	}{
		"one unwell":    {func(o *status.Owner) { o.Replicas[1].Healthy = false }, picture.Partly, picture.Unwell, "unwell"},
		"one ejected":   {func(o *status.Owner) { o.Replicas[0].Healthy, o.Replicas[0].EjectedUntil = false, &soon }, picture.Partly, picture.Ejected, "ejected"},
		"all unwell":    {func(o *status.Owner) { o.Replicas[0].Healthy, o.Replicas[1].Healthy = false, false }, picture.Unwell, picture.Unwell, "unwell"},
		"none known":    {func(o *status.Owner) { o.Replicas = nil }, picture.Unwell, picture.Unwell, "no replica known"},
		"breaker open":  {func(o *status.Owner) { o.Breaker = &status.Breaker{State: status.Open} }, picture.Unwell, picture.Well, "breaker open"},
		"breaker tries": {func(o *status.Owner) { o.Breaker = &status.Breaker{State: status.HalfOpen} }, picture.Partly, picture.Well, "breaker half open"},
		"nearly full":   {func(o *status.Owner) { o.InFlight, o.MaxInFlight = 9, 10 }, picture.Well, picture.Well, "9 of 10 in flight"},
	} {
		t.Run(name, func(t *testing.T) {
			s := blog()
			c.change(&s.Owners[1])
			for _, d := range picture.All(s) {
				b := box(t, d, "owner monolith")
				require.Equal(t, c.state, b.State)
				var marks []string
				for _, m := range b.Marks {
					marks = append(marks, m.Shape)
				}
				require.Contains(t, marks, c.mark)
				require.Contains(t, says(d), c.says)
			}
		})
	}
}

func TestManyReplicasAreSummedUp(t *testing.T) {
	s := blog()
	s.Owners[1].Replicas = well(strings.Fields("a b c d e f g h i j")...)
	s.Owners[1].Replicas[8].Healthy = false
	for _, d := range picture.All(s) {
		require.Contains(t, says(d), "5 more, 1 out")
	}
}

// Places depend on what is configured. So nothing jumps while numbers move.
func TestThePictureStandsStill(t *testing.T) {
	before := picture.All(blog())
	s := blog()
	s.Routes[0].Sides[0].Recent.PerSecond, s.Routes[1].Recent.PerSecond = 99999, 0
	s.Routes[0].Hold = status.Hold{Held: true, Waiting: 900}
	s.Owners[1].Replicas[0].Healthy = false
	s.Owners[0].PerSecond = 12345
	for i, d := range picture.All(s) {
		require.Equal(t, before[i].Height, d.Height)
		for j, b := range d.Boxes {
			was := before[i].Boxes[j]
			require.Equal(t, []any{was.Key, was.X, was.Y, was.W, was.H}, []any{b.Key, b.X, b.Y, b.W, b.H})
		}
		for j, l := range d.Lines {
			require.Equal(t, before[i].Lines[j].Path, l.Path)
		}
	}
}

// Whatever there is to draw: boxes don't overlap, and all is within the drawing.
func TestNothingOverlaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := anything(random)
		for _, d := range picture.All(s) {
			for i, b := range d.Boxes {
				require.True(t, b.X >= 0 && b.Y >= 0 && b.X+b.W <= d.Width && b.Y+b.H <= d.Height, "%s: %s leaves the drawing", d.Layout, b.Key)
				for _, text := range b.Texts {
					require.True(t, text.Y > b.Y && text.Y < b.Y+b.H, "%s: %q leaves %s", d.Layout, text.Text, b.Key)
				}
				for _, other := range d.Boxes[i+1:] {
					apart := b.X+b.W <= other.X || other.X+other.W <= b.X || b.Y+b.H <= other.Y || other.Y+other.H <= b.Y
					require.True(t, apart, "%s: %s and %s overlap", d.Layout, b.Key, other.Key)
				}
			}
		}
	}
}

func anything(random *rand.Rand) status.Status {
	s := status.Status{Name: "gateway", Draining: random.IntN(2) == 0}
	owners := random.IntN(9)
	for i := range owners {
		o := status.Owner{Name: fmt.Sprintf("owner-%d", i)}
		for j := range random.IntN(12) {
			o.Replicas = append(o.Replicas, status.Replica{Name: fmt.Sprint(j), Healthy: random.IntN(3) > 0})
		}
		for range random.IntN(6) {
			u := status.Use{Kind: "kafka", Name: fmt.Sprint(random.IntN(9))}
			for j := range random.IntN(7) {
				u.Topics = append(u.Topics, fmt.Sprint("topic-", j))
			}
			o.Uses = append(o.Uses, u)
		}
		s.Owners = append(s.Owners, o)
	}
	for range random.IntN(20) * min(owners, 1) {
		pick := func() string { return fmt.Sprintf("owner-%d", random.IntN(owners)) }
		r := status.Route{Sides: []status.Side{side(pick(), status.Baseline, 50, 1), side(pick(), status.Canaried, 50, 1)}}
		if random.IntN(2) == 0 {
			r.Shadow = &status.Shadow{Owner: pick()}
		}
		s.Routes = append(s.Routes, r)
	}
	return s
}

func TestFiguresAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0/s", 0.04: "<0.1/s", 0.1: "0.1/s", 9.94: "9.9/s", 9.96: "10/s", 12.4: "12/s", 9999: "9999/s", 10500: "10.5k/s", 1.25e6: "1.2M/s",
	} {
		require.Equal(t, want, picture.Rate(v))
	}
	require.Equal(t, "0.01\u00a0%", picture.Percent(0.01))
	require.Equal(t, "100\u00a0%", picture.Percent(100))
}
