package remotecomments

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
)

var _ comments.UseCases = (*Comments)(nil)

// Write is comments.UseCases'. The key's hash is the service's to make, of what it is
// asked: see WriteKey.
func (c *Comments) Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	header, err := c.as(v)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	return c.send(ctx, write(postID, body), keyed(header, key))
}

// Edit is comments.UseCases'; the key as for Write.
func (c *Comments) Edit(ctx context.Context, v contracts.Viewer, id, body string, version int, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	header, err := c.as(v)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	return c.send(ctx, edit(id, body), keyed(madeFrom(header, version), key))
}

// send does a write and reads the comment that it made.
func (c *Comments) send(ctx context.Context, r request, header http.Header) (made contracts.Comment, replayed bool, err error) {
	header.Set("Content-Type", "application/json")
	answer, err := c.writes.Do(ctx, call.Request{Method: r.method, Path: r.path, Header: header, Body: r.body})
	if err != nil {
		return contracts.Comment{}, false, explained(err)
	}
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		return contracts.Comment{}, false, fmt.Errorf("read the comment that the service wrote: %w", err)
	}
	return made, answer.Header.Get(httpkit.HeaderIdempotencyReplayed) == "true", nil
}

// Delete is comments.UseCases'.
func (c *Comments) Delete(ctx context.Context, v contracts.Viewer, id string, version int) error {
	header, err := c.as(v)
	if err != nil {
		return err
	}
	if version != 0 {
		header = madeFrom(header, version)
	}
	return explained(c.writes.JSON(ctx, http.MethodDelete, "/api/v1/comments/"+url.PathEscape(id), header, nil, nil))
}

// Get is comments.UseCases'.
func (c *Comments) Get(ctx context.Context, v contracts.Viewer, id string) (found contracts.Comment, err error) {
	header, err := c.as(v)
	if err != nil {
		return contracts.Comment{}, err
	}
	err = c.reads.JSON(ctx, http.MethodGet, "/api/v1/comments/"+url.PathEscape(id), header, nil, &found)
	return found, explained(err)
}

// List is comments.UseCases'.
func (c *Comments) List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (list paging.List[contracts.Comment], err error) {
	header, err := c.as(v)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	query := url.Values{"limit": {strconv.Itoa(page.Limit)}}
	if page.After != "" {
		query.Set("cursor", page.After)
	}
	err = c.reads.JSON(ctx, http.MethodGet, "/api/v1/posts/"+url.PathEscape(postID)+"/comments?"+query.Encode(), header, nil, &list)
	return list, explained(err)
}

// Decide is comments.UseCases'. Asked again it finds what was decided, so it may be.
func (c *Comments) Decide(ctx context.Context, v contracts.Viewer, id string, status contracts.CommentStatus) (judged contracts.Comment, err error) {
	header, err := c.as(v)
	if err != nil {
		return contracts.Comment{}, err
	}
	err = c.ask(ctx, "/internal/comments/"+url.PathEscape(id)+"/decision", header, map[string]contracts.CommentStatus{"status": status}, &judged)
	return judged, err
}

// CloseUnder is comments.UseCases': asked by this host for itself, as often as it
// likes.
func (c *Comments) CloseUnder(ctx context.Context, postID, key string) error {
	header, err := c.asHost()
	if err != nil {
		return err
	}
	return c.ask(ctx, "/internal/posts/"+url.PathEscape(postID)+"/close", header, map[string]string{"key": key}, nil)
}

// ask posts what may be posted twice; out may be nil.
func (c *Comments) ask(ctx context.Context, path string, header http.Header, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode what comments are asked: %w", err)
	}
	header.Set("Content-Type", "application/json")
	answer, err := c.writes.Do(ctx, call.Request{Method: http.MethodPost, Path: path, Header: header, Body: body, Repeatable: true})
	if err != nil || out == nil {
		return explained(err)
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fmt.Errorf("read the answer of comments to %s: %w", path, err)
	}
	return nil
}
