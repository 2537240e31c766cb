package remotecomments

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"banyan.dev/features/contracts"
)

// ByIDs returns those of the comments that are there, by id, in one call.
func (c *Comments) ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error) {
	if len(ids) == 0 {
		return map[string]contracts.Comment{}, nil
	}
	var answer struct {
		Comments map[string]contracts.Comment `json:"comments"`
	}
	err := c.read(ctx, "/internal/comments", url.Values{"id": ids}, &answer)
	return answer.Comments, err
}

// Latest returns the last approved comments of each post, newest first and at most n
// of each, in one call for all posts.
func (c *Comments) Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error) {
	if len(postIDs) == 0 {
		return map[string][]contracts.Comment{}, nil
	}
	var answer struct {
		Latest map[string][]contracts.Comment `json:"latest"`
	}
	err := c.read(ctx, "/internal/latest", url.Values{"post": postIDs, "n": {strconv.Itoa(n)}}, &answer)
	return answer.Latest, err
}

func (c *Comments) read(ctx context.Context, path string, query url.Values, out any) error {
	header, err := c.asHost()
	if err != nil {
		return err
	}
	return explained(c.reads.JSON(ctx, http.MethodGet, path+"?"+query.Encode(), header, nil, out))
}
