package seed

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/features/posts"
)

const year = 365 * 24 * time.Hour

// grow makes the whole blog, in memory.
func grow(ctx context.Context, cfg Config, hash string) (*blog, error) {
	b := &blog{people: people(cfg, hash), rules: rules()}
	if err := b.writePosts(cfg); err != nil {
		return nil, err
	}
	if err := b.talk(ctx, cfg); err != nil {
		return nil, err
	}
	b.notify(cfg)
	return b, nil
}

// people are the two who are always there, and many others.
func people(cfg Config, hash string) []person {
	known := chanceOf(0, "known people", 0) // the same, whatever the seed
	joined := until.Add(-year - 24*time.Hour)
	all := []person{
		{known.id(joined), "Mira Banyan", ModeratorEmail, hash, contracts.Moderator, joined},
		{known.id(joined), "Noel Fig", AuthorEmail, hash, contracts.Author, joined},
	}
	for i := len(all); i < cfg.Users; i++ {
		c := chanceOf(cfg.Seed, "person", i)
		first, last := of(c, firstNames), of(c, lastNames)
		joined := until.Add(-year - time.Duration(c.IntN(48))*time.Hour) // before the first post
		role := contracts.Reader
		if i%6 == 2 {
			role = contracts.Author
		}
		email := fmt.Sprintf("%s.%s.%d-%d@banyan.example", plain(first), plain(last), cfg.Seed, i)
		all = append(all, person{c.id(joined), first + " " + last, email, hash, role, joined})
	}
	return all
}

// plain is a name as it stands in an address.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToLower(r); r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, name)
}

// writePosts makes the posts, on all processors: rendering is most of the work.
func (b *blog) writePosts(cfg Config) error {
	var authors []*person
	for i := range b.people {
		if b.people[i].writes() {
			authors = append(authors, &b.people[i])
		}
	}
	b.posts = make([]post, cfg.Posts)
	errs := make([]error, cfg.Posts)
	indexes := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			render := posts.NewRenderer()
			for i := range indexes {
				b.posts[i], errs[i] = writePost(cfg, i, authors, render)
			}
		})
	}
	for i := range cfg.Posts {
		indexes <- i
	}
	close(indexes)
	workers.Wait()
	return cmp.Or(errs...)
}

// writePost makes one: the i-th of the year.
func writePost(cfg Config, i int, authors []*person, render *posts.Renderer) (post, error) {
	c := chanceOf(cfg.Seed, "post", i)
	t := tell(c, of(c, topics))
	p := post{author: authors[c.skewed(len(authors))], topic: t.topic, title: t.title(), body: t.markdown(), version: 1}
	html, err := render.HTML(p.body)
	if err != nil {
		return post{}, fmt.Errorf("render post %d: %w", i, err)
	}
	p.html, p.excerpt, p.slug = html, render.Excerpt(html, 240), posts.Slug(p.title)
	p.tags = some(c, c.between(1, 4), p.topic.tags)
	slices.Sort(p.tags)

	step := year / time.Duration(cfg.Posts+1)
	p.created = until.Add(-year + time.Duration(i)*step + time.Duration(c.Float64()*float64(step))).Truncate(time.Second)
	p.updated, p.status, p.id = p.created, contracts.Draft, c.id(p.created)
	if c.likely(94) {
		at := earlier(p.created.Add(c.soon(6 * time.Hour)))
		p.status, p.published, p.updated = contracts.Published, &at, at
	}
	if c.likely(20) {
		p.version, p.updated = c.between(2, 4), earlier(p.updated.Add(c.soon(72*time.Hour)))
	}
	return p, nil
}

func earlier(at time.Time) time.Time {
	if at.After(until) {
		return until
	}
	return at
}

// talk writes the comments, thread by thread.
func (b *blog) talk(ctx context.Context, cfg Config) error {
	var open []*post
	for i := range b.posts {
		if b.posts[i].status == contracts.Published {
			open = append(open, &b.posts[i])
		}
	}
	if len(open) == 0 {
		return nil
	}
	order := chanceOf(cfg.Seed, "favourites", 0)
	order.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	for thread := 0; len(b.comments) < cfg.Comments; thread++ {
		c := chanceOf(cfg.Seed, "thread", thread)
		length := min(1+c.IntN(5), cfg.Comments-len(b.comments))
		said, err := b.thread(ctx, c, open[c.skewed(len(open))], length)
		if err != nil {
			return fmt.Errorf("write thread %d: %w", thread, err)
		}
		b.comments = append(b.comments, said...)
	}
	return nil
}

// thread is a few people who answer each other under a post.
func (b *blog) thread(ctx context.Context, c chance, p *post, length int) ([]comment, error) {
	judge := moderation.NewRulebook(rulebook{rules: b.rules})
	t := tell(c, p.topic)
	var said []comment
	at := p.published.Add(c.soon(60 * time.Hour))
	for i := range length {
		who := c.IntN(len(b.people))
		if i > 0 && said[i-1].author == &b.people[who] { // nobody answers themselves
			who = (who + 1) % len(b.people)
		}
		one := comment{post: p, author: &b.people[who], status: contracts.Approved}
		switch n := c.IntN(100); {
		case n < 4:
			one.body = t.fill(of(c, unwanted))
			verdict, err := judge.Judge(ctx, one.body)
			if err != nil {
				return nil, err
			}
			one.status, one.reason = verdict.Status, verdict.Reason
		case i == 0:
			one.body = t.fill(of(c, remarks))
		default:
			before, _, _ := strings.Cut(said[i-1].author.name, " ")
			one.body = t.fill(strings.ReplaceAll(of(c, replies), "{name}", before))
		}
		one.html = paragraphs(one.body)
		at = earlier(at.Add(time.Minute + c.soon(3*time.Hour)))
		one.at, one.id = at, c.id(at)
		said = append(said, one)
	}
	return said, nil
}

// paragraphs is a comment as its feature shows it.
func paragraphs(body string) string {
	return "<p>" + strings.ReplaceAll(html.EscapeString(body), "\n\n", "</p><p>") + "</p>"
}

// notify tells the posts' authors; what is older they have read.
func (b *blog) notify(cfg Config) {
	for i := range b.comments {
		said := &b.comments[i]
		if said.status != contracts.Approved || said.author.id == said.post.author.id {
			continue
		}
		c := chanceOf(cfg.Seed, "notification", i)
		n := notification{id: c.id(said.at), comment: said}
		if read := said.at.Add(c.soon(40 * time.Hour)); read.Before(until) {
			n.read = &read
		}
		b.notifications = append(b.notifications, n)
	}
}
