package posts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// MaxCover is how many bytes a cover may have.
const MaxCover = 5 << 20

var coverTypes = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// SetCover gives one's own post a picture. Its type is what its bytes say, not what
// the client claims: a page served as an image would run in the reader's browser.
// Problems: those of Edit, TooLarge, UnsupportedMediaType.
func (s *Service) SetCover(ctx context.Context, v contracts.Viewer, id string, content []byte) (Cover, error) {
	if _, err := s.own(ctx, v, id); err != nil {
		return Cover{}, err
	}
	if len(content) > MaxCover {
		return Cover{}, problem.New(problem.TooLarge, "the cover has %d bytes: take at most %d", len(content), MaxCover)
	}
	kind := http.DetectContentType(content)
	if !coverTypes[kind] {
		return Cover{}, problem.New(problem.UnsupportedMediaType, "the cover is %s: send a PNG, JPEG, GIF or WebP picture", kind)
	}
	sum := sha256.Sum256(content)
	c := Cover{Type: kind, Bytes: content, ETag: hex.EncodeToString(sum[:16]), Changed: s.moment()}
	return c, s.store.SetCover(ctx, id, c)
}

// Cover returns the picture of a post that the viewer may see, or NotFound.
func (s *Service) Cover(ctx context.Context, v contracts.Viewer, id string) (Cover, error) {
	if _, err := s.Get(ctx, v, id); err != nil {
		return Cover{}, err
	}
	return s.store.Cover(ctx, id)
}

// DeleteCover takes the picture away from one's own post.
func (s *Service) DeleteCover(ctx context.Context, v contracts.Viewer, id string) error {
	if _, err := s.own(ctx, v, id); err != nil {
		return err
	}
	return s.store.DeleteCover(ctx, id)
}
