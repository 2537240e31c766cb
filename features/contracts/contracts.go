package contracts

import (
	"context"
	"crypto/sha256"
	"time"
)

// Role is what an account may do. Each role may do what the one before may.
type Role string

// The roles, in rising order.
const (
	Reader    Role = "reader"    // reads and comments
	Author    Role = "author"    // also writes posts
	Moderator Role = "moderator" // also judges others' comments
)

// Person is somebody as others see them.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Viewer is who is asking. The zero value is a visitor who is not signed in.
type Viewer struct {
	Person
	Role Role
}

// SignedIn tells whether the viewer is somebody.
func (v Viewer) SignedIn() bool { return v.ID != "" }

// Is tells whether the viewer is the person with that id.
func (v Viewer) Is(id string) bool { return v.ID != "" && v.ID == id }

// MayWrite tells whether the viewer may write posts.
func (v Viewer) MayWrite() bool { return v.Role == Author || v.Role == Moderator }

// Moderates tells whether the viewer may judge others' comments.
func (v Viewer) Moderates() bool { return v.Role == Moderator }

type viewerKey struct{}

// WithViewer returns a context that carries who is asking. A host sets it once per
// request, from the session; features read it.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewerFrom returns who is asking; the zero Viewer when nobody is signed in.
func ViewerFrom(ctx context.Context) Viewer {
	v, _ := ctx.Value(viewerKey{}).(Viewer)
	return v
}

// PostStatus is where a post stands.
type PostStatus string

// A draft is seen by its author alone.
const (
	Draft     PostStatus = "draft"
	Published PostStatus = "published"
)

// Post is a post whole, as GET /api/v1/posts/{id} answers it.
type Post struct {
	PostSummary
	Body string `json:"body"` // Markdown, as written
	HTML string `json:"html"` // rendered and sanitised
}

// PostSummary is a post as lists show it.
type PostSummary struct {
	ID          string     `json:"id"`
	Slug        string     `json:"slug"`
	Title       string     `json:"title"`
	Excerpt     string     `json:"excerpt"`
	Tags        []string   `json:"tags"`
	Status      PostStatus `json:"status"`
	Author      Person     `json:"author"`
	Comments    int        `json:"comment_count"` // approved ones
	CoverURL    string     `json:"cover_url,omitempty"`
	Version     int        `json:"version"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
}

// VisibleTo tells whether the viewer may see the post: anyone a published one, its
// author a draft.
func (p PostSummary) VisibleTo(v Viewer) bool {
	return p.Status == Published || v.Is(p.Author.ID)
}

// CommentStatus is what moderation says of a comment.
type CommentStatus string

// Only an approved comment is seen by everyone; the others by their author and by
// moderators.
const (
	Pending  CommentStatus = "pending"
	Approved CommentStatus = "approved"
	Rejected CommentStatus = "rejected"
)

// Comment is a comment as the API answers it.
type Comment struct {
	ID        string        `json:"id"`
	PostID    string        `json:"post_id"`
	Author    Person        `json:"author"`
	Body      string        `json:"body"`
	HTML      string        `json:"html"`
	Status    CommentStatus `json:"status"`
	Version   int           `json:"version"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
}

// VisibleTo tells whether the viewer may see the comment.
func (c Comment) VisibleTo(v Viewer) bool {
	return c.Status == Approved || v.Is(c.Author.ID) || v.Moderates()
}

// Verdict is what the moderation rules say of a text, and why when they object.
type Verdict struct {
	Status CommentStatus
	Reason string
}

// CommentNotice tells a post's author that somebody commented.
type CommentNotice struct {
	PostID    string
	PostTitle string
	CommentID string
	Excerpt   string
	Actor     Person
	To        string // the author's account id
}

// Key makes a retried write harmless: the client's Idempotency-Key with a hash of
// what it asked for. The same key with the same hash has the same outcome; with
// another hash it is a KeyReused problem. The zero value is no key.
//
// The idea, and its header, are the IETF draft "The Idempotency-Key HTTP Header
// Field" (draft-ietf-httpapi-idempotency-key-header).
type Key struct {
	Value string
	Hash  [sha256.Size]byte
}

// Given tells whether there is a key at all.
func (k Key) Given() bool { return k.Value != "" }
