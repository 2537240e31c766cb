package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Reading is what somebody saw who read a post's page again and again.
type Reading struct {
	Pages   int
	Without int // that came without the comments, and said so
	P50     time.Duration
	Longest time.Duration
}

// String is the reading in words.
func (r Reading) String() string {
	with := "all with their comments"
	switch r.Without {
	case 0:
	case r.Pages:
		with = "all without the comments"
	default:
		with = fmt.Sprintf("%d of them without the comments", r.Without)
	}
	return fmt.Sprintf("%d pages read, %s: p50 %.1f ms, the longest %.1f ms", r.Pages, with,
		float64(r.P50.Microseconds())/1000, float64(r.Longest.Microseconds())/1000)
}

// withoutComments is what a page says in place of comments that can't be had.
const withoutComments = "The comments can't be shown at this moment"

// Read reads the page of a post with comments so many times, one after another, and
// tries nothing again: any answer but a page is an error.
func (p *People) Read(ctx context.Context, times int) (Reading, error) {
	client := &http.Client{Transport: p.transport, Timeout: deadline}
	post, err := p.discussed(ctx, client)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Pages: times}
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		page, err := p.fetch(ctx, client, "/posts/"+post)
		if err != nil {
			return r, err
		}
		took[i] = time.Since(began)
		if bytes.Contains(page, []byte(withoutComments)) {
			r.Without++
		}
	}
	slices.Sort(took)
	r.P50, r.Longest = took[(times-1)/2], took[times-1]
	return r, nil
}

// discussed is the newest post that has comments.
func (p *People) discussed(ctx context.Context, client *http.Client) (id string, err error) {
	text, err := p.fetch(ctx, client, "/api/v1/posts?limit=100")
	if err != nil {
		return "", err
	}
	var list struct {
		Items []struct {
			ID       string `json:"id"`
			Comments int    `json:"comment_count"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return "", fmt.Errorf("the list of posts at %s: %w", p.base, err)
	}
	for _, post := range list.Items {
		if post.Comments > 0 {
			return post.ID, nil
		}
	}
	return "", fmt.Errorf("none of the %d newest posts at %s has a comment", len(list.Items), p.base)
}

func (p *People) fetch(ctx context.Context, client *http.Client, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s%s: %w", p.base, path, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s%s: status %d where 200 was expected", p.base, path, res.StatusCode)
	}
	return text, nil
}
