package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Staleness is how long it took until somebody else saw a comment that was written,
// counted from the answer to who wrote it.
type Staleness struct {
	Comments int
	P50      time.Duration
	Longest  time.Duration
}

// String is the staleness in words.
func (s Staleness) String() string {
	return fmt.Sprintf("%d comments written: somebody else saw half of them within %.0f ms, all within %.0f ms", s.Comments,
		float64(s.P50.Microseconds())/1000, float64(s.Longest.Microseconds())/1000)
}

// seenWithin bounds the wait for one comment.
const seenWithin = 30 * time.Second

// Stale lets the first of the people write so many comments, one after another, and a
// visitor look for each until it is there.
func (p *People) Stale(ctx context.Context, times int) (Staleness, error) {
	if len(p.all) == 0 {
		if err := p.SignIn(ctx, 1); err != nil {
			return Staleness{}, err
		}
	}
	visitor := &http.Client{Transport: p.transport, Timeout: deadline}
	post, err := p.discussed(ctx, visitor)
	if err != nil {
		return Staleness{}, err
	}
	took := make([]time.Duration, times)
	for i := range took {
		id, err := p.comment(ctx, p.all[0], post)
		if err != nil {
			return Staleness{}, err
		}
		if took[i], err = p.seen(ctx, visitor, id); err != nil {
			return Staleness{}, err
		}
	}
	slices.Sort(took)
	return Staleness{Comments: times, P50: took[(times-1)/2], Longest: took[times-1]}, nil
}

// comment writes one and returns its id. Only the answer counts, so nothing is tried
// again but by its key.
func (p *People) comment(ctx context.Context, who *person, post string) (id string, err error) {
	body, err := json.Marshal(map[string]string{"body": "How long until you see this? " + rand.Text()})
	if err != nil {
		return "", fmt.Errorf("write a comment: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/api/v1/posts/"+post+"/comments", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", rand.Text())
	res, err := who.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	var made struct {
		ID string `json:"id"`
	}
	if res.StatusCode != http.StatusCreated || json.Unmarshal(text, &made) != nil || made.ID == "" {
		return "", fmt.Errorf("POST %s: status %d where 201 was expected: %.200s", req.URL, res.StatusCode, text)
	}
	return made.ID, nil
}

// seen returns how long it took until the comment is there for the visitor.
func (p *People) seen(ctx context.Context, visitor *http.Client, id string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, seenWithin)
	defer cancel()
	began := time.Now()
	for {
		_, err := p.fetch(ctx, visitor, "/api/v1/comments/"+id)
		if err == nil {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("comment %s was not seen by others within %s: %w", id, seenWithin, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
