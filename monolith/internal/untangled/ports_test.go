package untangled_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/accounts"
	accountstore "banyan.dev/features/accounts/store"
	"banyan.dev/features/comments"
	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	moderationstore "banyan.dev/features/moderation/store"
	notificationstore "banyan.dev/features/notifications/store"
	poststore "banyan.dev/features/posts/store"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// What the features' stores do when another feature fails them, or knows nothing, or
// changes its mind while a page is put together. The tangle has no such moments.

// talk is a blog with one post.
type talk struct {
	db        *database.DB
	all       *untangled.Store
	ann, rita contracts.Person
	post      contracts.Post
	now       time.Time
}

func newTalk(t *testing.T) talk {
	t.Helper()
	db := storetest.Open(t, nil)
	k := talk{db: db, all: untangled.New(db), now: time.Now().UTC()}
	for name, to := range map[string]*contracts.Person{"Ann": &k.ann, "Rita": &k.rita} {
		a, _, err := k.all.Accounts().Create(t.Context(), accounts.Account{
			ID: contracts.NewID(), Name: name, Email: name + "@example.org", Role: contracts.Author, Version: 1, CreatedAt: k.now,
		}, contracts.Key{})
		require.NoError(t, err)
		*to = a.Viewer().Person
	}
	p, _, err := k.all.Posts().Create(t.Context(), contracts.Post{PostSummary: contracts.PostSummary{
		ID: contracts.NewID(), Title: "Talk", Status: contracts.Published, Author: k.ann, Version: 1, CreatedAt: k.now, UpdatedAt: k.now, PublishedAt: &k.now,
	}}, contracts.Key{})
	require.NoError(t, err)
	k.post = p
	return k
}

func (k talk) said(status contracts.CommentStatus) (contracts.Comment, comments.Effects) {
	return contracts.Comment{
		ID: contracts.NewID(), PostID: k.post.ID, Author: k.rita, Body: "Well said.", Status: status, Version: 1, CreatedAt: k.now, UpdatedAt: k.now,
	}, comments.Effects{Reason: "a rule", Notice: &contracts.CommentNotice{To: k.ann.ID, Actor: k.rita}}
}

func (k talk) say(t *testing.T, status contracts.CommentStatus) contracts.Comment {
	t.Helper()
	c, e := k.said(status)
	c, _, err := k.all.Comments().Create(t.Context(), c, e, contracts.Key{})
	require.NoError(t, err)
	return c
}

var errPort = errors.New("the other feature can't")

// nobody knows no name.
type nobody struct{ err error }

func (n nobody) Names(context.Context, []string) (map[string]string, error) { return nil, n.err }

// commentsWith is the store of comments with other people to ask.
func (k talk) commentsWith(people commentstore.People) *commentstore.Store {
	posts := poststore.NewRows(k.db)
	notices := notificationstore.New(k.db, notificationstore.Ports{People: people, Posts: posts})
	return commentstore.New(commentstore.NewRows(k.db), commentstore.Ports{
		People: people, Posts: posts, Queue: moderationstore.NewRows(k.db), Notices: notices,
	})
}

func TestAWriteIsAnsweredThoughNamesCanNotBeRead(t *testing.T) {
	k := newTalk(t)
	c, e := k.said(contracts.Approved)
	key := contracts.Key{Value: "k"}
	created, _, err := k.commentsWith(nobody{errPort}).Create(t.Context(), c, e, key)
	require.NoError(t, err, "it is written")
	require.Equal(t, k.rita, created.Author)
	again, replayed, err := k.all.Comments().Create(t.Context(), c, e, key)
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, c.ID, again.ID)
	require.Equal(t, "Rita", again.Author.Name)
	p, err := k.all.Posts().Get(t.Context(), k.post.ID)
	require.NoError(t, err)
	require.Equal(t, 1, p.Comments)
}

func TestWhoIsNotThereAnyMoreHasNoNameAndIsShownAllTheSame(t *testing.T) {
	k := newTalk(t)
	c := k.say(t, contracts.Approved)
	require.NoError(t, k.db.Gorm(t.Context()).Exec("DELETE FROM accounts WHERE id IN (?, ?)", k.rita.ID, k.ann.ID).Error)
	got, err := k.all.Comments().Get(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, contracts.Person{ID: k.rita.ID}, got.Author)
	feed, err := k.all.Feed().Feed(t.Context(), paging.Page{Limit: 5})
	require.NoError(t, err)
	require.Equal(t, contracts.Person{ID: k.ann.ID}, feed.Items[0].Post.Author)
	require.Len(t, feed.Items[0].Latest, 1)
}

// refusing lets no comment be deleted.
type refusing struct{}

func (refusing) Owned(*gorm.DB) (int64, bool, error) { return 1, true, nil }

func (refusing) DeleteUnder(*gorm.DB, int64, string, string) error { return errPort }

func TestAPostWhoseCommentsCanNotBeDeletedStays(t *testing.T) {
	k := newTalk(t)
	c := k.say(t, contracts.Approved)
	posts := poststore.New(poststore.NewRows(k.db), poststore.Ports{People: accountstore.New(k.db), Comments: refusing{}})
	require.ErrorIs(t, posts.Delete(t.Context(), k.post.ID, 0), errPort)
	_, err := k.all.Posts().Get(t.Context(), k.post.ID)
	require.NoError(t, err)
	_, err = k.all.Comments().Get(t.Context(), c.ID)
	require.NoError(t, err)
	_, err = k.all.Posts().DeletedBy(t.Context(), k.post.ID)
	require.True(t, problem.Is(err, problem.NotFound), "nor is there a tombstone: %v", err)
}

// meanwhile does something before it answers which comments there are.
type meanwhile struct {
	moderationstore.Comments
	do func()
}

func (m meanwhile) ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error) {
	m.do()
	return m.Comments.ByIDs(ctx, ids)
}

func TestWhatIsJudgedOrDeletedWhileTheQueueIsReadIsLeftOut(t *testing.T) {
	k := newTalk(t)
	judged, deleted, waits, later := k.say(t, contracts.Pending), k.say(t, contracts.Pending), k.say(t, contracts.Pending), k.say(t, contracts.Pending)
	rows := moderationstore.NewRows(k.db)
	queue := moderationstore.New(rows, moderationstore.Ports{
		People: accountstore.New(k.db), Posts: poststore.NewRows(k.db),
		Comments: meanwhile{commentstore.NewRows(k.db), func() {
			judged.Status = contracts.Approved
			_, _, err := k.all.Comments().Update(t.Context(), judged, comments.Effects{}, contracts.Key{})
			require.NoError(t, err)
			require.NoError(t, k.all.Comments().Delete(t.Context(), deleted.ID, 0))
		}},
	})
	page, err := queue.Queue(t.Context(), paging.Page{Limit: 3})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, waits.ID, page.Items[0].Comment.ID)
	rest, err := k.all.Moderation().Queue(t.Context(), paging.Page{Limit: 3, After: page.Next})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1, "the short page's cursor still leads on")
	require.Equal(t, later.ID, rest.Items[0].Comment.ID)
}
