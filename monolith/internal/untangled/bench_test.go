package untangled_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/boundary"
	"banyan.dev/monolith/internal/seed"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

// BenchmarkStores shows what the seam costs: each read and write on the tangle and on
// the features' stores, over the same seeded blog, by turns, so that whatever else the
// machine does meets both alike. It reports the medians and the slowest hundredth of
// both, in microseconds, and how many statements one takes, without BEGIN and COMMIT.
//
//	go test -run none -bench Stores -benchtime 500x ./monolith/internal/untangled
func BenchmarkStores(b *testing.B) {
	url := storetest.URL(b)
	db, err := database.Open(b.Context(), database.Config{URL: url, MaxConns: 10})
	require.NoError(b, err)
	defer db.Close()
	_, err = seed.Run(b.Context(), db, seed.Config{Posts: 400, Comments: 8000, Users: 60, Seed: 1})
	require.NoError(b, err)
	require.NoError(b, db.Gorm(b.Context()).Exec("VACUUM ANALYZE").Error)
	var recorder boundary.Recorder
	counted, err := database.Open(b.Context(), database.Config{URL: url, MaxConns: 2, Logger: recorder.Logger(nil)})
	require.NoError(b, err)
	defer counted.Close()

	sides := []*side{
		{name: "tangle", stores: storetest.Of(tangle.New(db)), counted: storetest.Of(tangle.New(counted))},
		{name: "features", stores: storetest.Of(untangled.New(db)), counted: storetest.Of(untangled.New(counted))},
	}
	subject := choose(b, sides[0].stores)
	for _, work := range works() {
		b.Run(work.name, func(b *testing.B) {
			for _, s := range sides {
				before := recorder.Runs()
				require.NoError(b, work.do(b.Context(), s.counted, subject))
				s.statements, s.took = recorder.Runs()-before, nil
			}
			for n := 0; b.Loop(); n++ {
				for i := range sides { // who is first changes too
					if err := sides[(n+i)%len(sides)].measure(b.Context(), work, subject); err != nil {
						b.Fatal(err)
					}
				}
			}
			for _, s := range sides {
				s.report(b)
			}
		})
	}
}

// side is one implementation, and how it did.
type side struct {
	name            string
	stores, counted storetest.Stores
	statements      int
	took            []time.Duration
}

func (s *side) measure(ctx context.Context, w work, on subject) error {
	begin := time.Now()
	err := w.do(ctx, s.stores, on)
	s.took = append(s.took, time.Since(begin))
	return err
}

func (s *side) report(b *testing.B) {
	slices.Sort(s.took)
	at := func(part float64) float64 {
		return float64(s.took[int(part*float64(len(s.took)-1))].Microseconds())
	}
	b.ReportMetric(at(0.5), s.name+"-p50-us")
	b.ReportMetric(at(0.99), s.name+"-p99-us")
	b.ReportMetric(float64(s.statements), s.name+"-statements")
	b.ReportMetric(0, "ns/op") // of both together
}

// subject is whom and what the benchmark is about.
type subject struct {
	author, reader contracts.Viewer
	post           contracts.Post
	comment        contracts.Comment
}

// choose takes the post that most is said under.
func choose(b *testing.B, s storetest.Stores) subject {
	b.Helper()
	list, err := s.Posts.List(b.Context(), posts.Filter{}, paging.Page{Limit: paging.MaxLimit})
	require.NoError(b, err)
	most := list.Items[0]
	for _, p := range list.Items {
		if p.Comments > most.Comments {
			most = p
		}
	}
	var chosen subject
	chosen.post, err = s.Posts.Get(b.Context(), most.ID)
	require.NoError(b, err)
	said, err := s.Comments.List(b.Context(), most.ID, contracts.Viewer{}, paging.Page{Limit: 1})
	require.NoError(b, err)
	require.NotEmpty(b, said.Items)
	chosen.comment = said.Items[0]
	chosen.author, chosen.reader = contracts.Viewer{Person: chosen.post.Author}, contracts.Viewer{Person: chosen.comment.Author}
	return chosen
}

// work is one thing that stores do.
type work struct {
	name string
	do   func(ctx context.Context, s storetest.Stores, on subject) error
}

func works() []work {
	page := paging.Page{Limit: paging.DefaultLimit}
	return []work{
		{"feed", func(ctx context.Context, s storetest.Stores, _ subject) error {
			_, err := s.Feed.Feed(ctx, page)
			return err
		}},
		{"search", func(ctx context.Context, s storetest.Stores, _ subject) error {
			_, err := s.Feed.Search(ctx, "tree or roots", page)
			return err
		}},
		{"posts", func(ctx context.Context, s storetest.Stores, _ subject) error {
			_, err := s.Posts.List(ctx, posts.Filter{}, page)
			return err
		}},
		{"post", func(ctx context.Context, s storetest.Stores, on subject) error {
			_, err := s.Posts.Get(ctx, on.post.ID)
			return err
		}},
		{"comments", func(ctx context.Context, s storetest.Stores, on subject) error {
			_, err := s.Comments.List(ctx, on.post.ID, contracts.Viewer{}, page)
			return err
		}},
		{"queue", func(ctx context.Context, s storetest.Stores, _ subject) error {
			_, err := s.Moderation.Queue(ctx, page)
			return err
		}},
		{"notifications", func(ctx context.Context, s storetest.Stores, on subject) error {
			_, err := s.Notifications.List(ctx, on.author.ID, page)
			return err
		}},
		{"comment and delete", commentAndDelete},
		{"judge", judge},
		{"publish, comment and delete", publishAndDelete},
	}
}

func said(on subject, under contracts.Post) (contracts.Comment, comments.Effects) {
	now := time.Now().UTC()
	c := contracts.Comment{
		ID: contracts.NewID(), PostID: under.ID, Author: on.reader.Person, Body: "Well said.", HTML: "<p>Well said.</p>",
		Status: contracts.Approved, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	return c, comments.Effects{Notice: &contracts.CommentNotice{To: on.author.ID, Actor: on.reader.Person}}
}

func commentAndDelete(ctx context.Context, s storetest.Stores, on subject) error {
	c, e := said(on, on.post)
	c, _, err := s.Comments.Create(ctx, c, e, contracts.Key{Value: contracts.NewID()})
	if err != nil {
		return err
	}
	return s.Comments.Delete(ctx, c.ID, 0)
}

// judge turns a comment down and accepts it again.
func judge(ctx context.Context, s storetest.Stores, on subject) error {
	c, err := s.Comments.Get(ctx, on.comment.ID)
	for _, status := range []contracts.CommentStatus{contracts.Rejected, contracts.Approved} {
		if err != nil {
			return err
		}
		c.Status = status
		c, _, err = s.Comments.Update(ctx, c, comments.Effects{}, contracts.Key{})
	}
	return err
}

// publishAndDelete deletes a post with what hangs on it.
func publishAndDelete(ctx context.Context, s storetest.Stores, on subject) error {
	p := on.post
	p.ID, p.Version = contracts.NewID(), 1
	p, _, err := s.Posts.Create(ctx, p, contracts.Key{})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for range 5 {
		c, e := said(on, p)
		if _, _, err := s.Comments.Create(ctx, c, e, contracts.Key{}); err != nil {
			return fmt.Errorf("comment: %w", err)
		}
	}
	return s.Posts.Delete(ctx, p.ID, 0)
}
