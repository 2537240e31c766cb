package seed

import (
	"fmt"

	"github.com/google/uuid"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/database"
)

// What a table has already, and what was in it once: nothing deleted comes back. What
// rows of ours are to hang on is kept from being deleted until they are there.
const (
	havePeople        = `SELECT id FROM accounts WHERE id = ANY($1)`
	havePosts         = `SELECT id FROM posts WHERE id = ANY($1)`
	hadPosts          = havePosts + ` UNION ALL SELECT id FROM post_tombstones WHERE id = ANY($1)`
	keptPosts         = havePosts + ` FOR KEY SHARE`
	haveComments      = `SELECT id FROM comments WHERE id = ANY($1)`
	hadComments       = haveComments + ` UNION ALL SELECT id FROM comment_tombstones WHERE id = ANY($1)`
	keptComments      = haveComments + ` FOR KEY SHARE`
	haveNotifications = `SELECT id FROM notifications WHERE id = ANY($1)`
	haveAnyRule       = `SELECT id FROM moderation_rules WHERE true OR id = ANY($1)`
)

func (w *writer) people(all []person) int {
	there := w.present(havePeople, idsOf(all, func(p *person) uuid.UUID { return p.id }))
	var rows [][]any
	for _, p := range all {
		if !there[p.id] {
			rows = append(rows, []any{p.id, p.name, p.email, p.hash, p.role, 1, p.joined})
		}
	}
	n := w.copy("accounts", rows, "id", "name", "email", "password_hash", "role", "version", "created_at")
	if database.IsUnique(w.err, "accounts_email") {
		w.err = fmt.Errorf("somebody who was not seeded has an address at banyan.example: seed another database: %w", w.err)
	}
	return n
}

func (w *writer) posts(all []post) int {
	had := w.present(hadPosts, idsOf(all, func(p *post) uuid.UUID { return p.id }))
	var rows, tags [][]any
	for _, p := range all {
		if had[p.id] {
			continue
		}
		rows = append(rows, []any{p.id, p.author.id, p.slug, p.title, p.body, p.html, p.excerpt, p.status,
			p.version, p.created, p.updated, p.published})
		for _, tag := range p.tags {
			tags = append(tags, []any{p.id, tag})
		}
	}
	n := w.copy("posts", rows, "id", "author_id", "slug", "title", "body", "html", "excerpt", "status",
		"version", "created_at", "updated_at", "published_at")
	w.copy("post_tags", tags, "post_id", "tag")
	return n
}

func (w *writer) comments(all []comment) int {
	had := w.present(hadComments, idsOf(all, func(c *comment) uuid.UUID { return c.id }))
	posts := w.present(keptPosts, idsOf(all, func(c *comment) uuid.UUID { return c.post.id }))
	var rows, queue [][]any
	for _, c := range all {
		if had[c.id] || !posts[c.post.id] {
			continue
		}
		rows = append(rows, []any{c.id, c.post.id, c.author.id, c.body, c.html, c.status, 1, c.at, c.at})
		if c.status == contracts.Pending {
			queue = append(queue, []any{c.id, c.reason, c.at})
		}
	}
	n := w.copy("comments", rows, "id", "post_id", "author_id", "body", "html", "status", "version", "created_at", "updated_at")
	w.copy("moderation_queue", queue, "comment_id", "reason", "created_at")
	return n
}

func (w *writer) notifications(all []notification) int {
	there := w.present(haveNotifications, idsOf(all, func(n *notification) uuid.UUID { return n.id }))
	comments := w.present(keptComments, idsOf(all, func(n *notification) uuid.UUID { return n.comment.id }))
	var rows [][]any
	for _, n := range all {
		if c := n.comment; !there[n.id] && comments[c.id] {
			rows = append(rows, []any{n.id, c.post.author.id, "comment", c.post.id, c.id, c.author.id, c.at, n.read})
		}
	}
	return w.copy("notifications", rows, "id", "user_id", "kind", "post_id", "comment_id", "actor_id", "created_at", "read_at")
}

// rules are added where there is none: moderators may have thrown ours out.
func (w *writer) rules(all []moderation.Rule) int {
	if len(w.present(haveAnyRule, nil)) > 0 {
		return 0
	}
	var rows [][]any
	for _, r := range all {
		rows = append(rows, []any{r.ID, r.Kind, r.Pattern, r.Max, r.Verdict, r.CreatedAt})
	}
	return w.copy("moderation_rules", rows, "id", "kind", "pattern", "max", "verdict", "created_at")
}

// count makes the posts' numbers of comments right, under the posts' locks.
func (w *writer) count(all []post) {
	w.execute(`UPDATE posts p SET comment_count = c.approved FROM (
			SELECT post_id, count(*) AS approved FROM comments WHERE status = 'approved' AND post_id = ANY($1) GROUP BY post_id
		) c WHERE c.post_id = p.id AND p.comment_count <> c.approved`, idsOf(all, func(p *post) uuid.UUID { return p.id }))
}
