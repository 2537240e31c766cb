package remotecomments

import (
	"encoding/json"
	"net/http"
	"net/url"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
)

// request is a write as the service's public API takes it.
type request struct {
	method, path string
	body         []byte
}

func write(postID, body string) request {
	return request{http.MethodPost, "/api/v1/posts/" + url.PathEscape(postID) + "/comments", text(body)}
}

func edit(id, body string) request {
	return request{http.MethodPut, "/api/v1/comments/" + url.PathEscape(id), text(body)}
}

func text(body string) []byte {
	encoded, _ := json.Marshal(map[string]string{"body": body}) // a string always encodes
	return encoded
}

func (r request) key(value string) (contracts.Key, error) {
	if value == "" {
		return contracts.Key{}, nil
	}
	key, err := httpkit.NewKey(value, r.method, r.path, string(r.body))
	return contracts.Key(key), err
}

// WriteKey is the key of writing a comment, with the hash that the JSON API makes of
// the same write: so that a form that was sent before a hand-over and is sent again
// after it is the same write at either side. The zero Key for an empty value; a
// Malformed problem for one that is none.
func WriteKey(value, postID, body string) (contracts.Key, error) {
	return write(postID, body).key(value)
}

// EditKey is WriteKey for a change of a comment.
func EditKey(value, id, body string) (contracts.Key, error) { return edit(id, body).key(value) }
