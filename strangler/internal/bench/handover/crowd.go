package handover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"golang.org/x/sync/errgroup"
)

// user is a person with an account, who is signed in all the while, and does one thing at
// a time.
type user struct {
	email string
	jar   *cookiejar.Jar
	posts []string // whose comments are read back by this user
	last  *written // comment
}

// written is a comment that was acknowledged.
type written struct {
	op int64
	id string
}

// signUpsAtOnce bounds sign-ups: hashing a password is work for the blog by intent.
const signUpsAtOnce = 4

// gather signs everybody up and deals the blog's posts out among them.
func gather(ctx context.Context, c *client, n int, tag string) ([]*user, error) {
	users := make([]*user, n)
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(signUpsAtOnce)
	for i := range users {
		group.Go(func() (err error) {
			users[i], err = signUp(within, c, i, tag)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	posts, err := published(ctx, c, users[0].jar)
	if err != nil {
		return nil, err
	}
	for i := range max(len(posts), n) {
		u := users[i%n]
		u.posts = append(u.posts, posts[i%len(posts)])
	}
	return users, nil
}

func signUp(ctx context.Context, c *client, i int, tag string) (*user, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	u := &user{email: fmt.Sprintf("commenter.%s%d@example.org", tag, i), jar: jar}
	_, err = c.settle(ctx, jar, request{
		method: http.MethodPost, path: "/api/v1/accounts", key: fmt.Sprintf("%s-account-%d", tag, i), want: http.StatusCreated,
		body: encode(map[string]string{"name": fmt.Sprintf("Commenter %d", i), "email": u.email, "password": "a fig tree " + tag}),
	})
	if err != nil {
		return nil, fmt.Errorf("sign up user %d: %w", i, err)
	}
	at, err := url.Parse(c.url)
	if err != nil {
		return nil, fmt.Errorf("the blog's address %q: %w", c.url, err)
	}
	for _, cookie := range jar.Cookies(at) {
		if cookie.Name == "banyan_session" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("sign up user %d: the answer sets no session cookie that goes back to %s", i, c.url)
}

// page is one of a listing.
type page struct {
	Items []document `json:"items"`
	Next  string     `json:"next"`
}

// document is as much of a post or a comment as is looked at.
type document struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Body    string `json:"body"`
}

func published(ctx context.Context, c *client, jar http.CookieJar) (posts []string, err error) {
	err = list(ctx, c, jar, "/api/v1/posts", func(d document) { posts = append(posts, d.ID) })
	if err != nil {
		return nil, fmt.Errorf("list the posts: %w", err)
	}
	if len(posts) == 0 {
		return nil, errors.New("the blog has no published post: nobody could comment")
	}
	return posts, nil
}

// list goes through a listing to its end.
func list(ctx context.Context, c *client, jar http.CookieJar, path string, each func(document)) error {
	next := path + "?limit=100"
	for {
		var p page
		if err := c.get(ctx, jar, next, &p); err != nil {
			return err
		}
		for _, d := range p.Items {
			each(d)
		}
		if p.Next == "" {
			return nil
		}
		following := path + "?limit=100&cursor=" + url.QueryEscape(p.Next)
		if following == next {
			return fmt.Errorf("the page after cursor %q is that page again", p.Next)
		}
		next = following
	}
}
