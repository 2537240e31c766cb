package contracts

import "slices"

// Effect is something that a change does to another feature.
type Effect string

// The effects. More may come: who does not know one leaves it alone.
const (
	EffectVerdict      Effect = "verdict"      // the rules judge the text
	EffectQueue        Effect = "queue"        // what is pending comes before the moderators, and goes when it is not
	EffectCount        Effect = "count"        // the post's number of approved comments
	EffectNotification Effect = "notification" // the post's author finds it on the page
	EffectMail         Effect = "mail"         // and in the mail
	EffectComments     Effect = "comments"     // the comments of a deleted post go
)

// Known are the effects that there are by now.
func (Effect) Known() []Effect {
	return []Effect{EffectVerdict, EffectQueue, EffectCount, EffectNotification, EffectMail, EffectComments}
}

// CommentEffects says what a change of a comment does to other features, and who does
// it. While the monolith owns comments it does all of it in the writing transaction.
// When the service owns them it leaves it to the monolith's inbox. Later there are
// consumers for each effect, and these do only the others: so that an event which was
// minted under an earlier arrangement makes no second mail, and none is lost.
type CommentEffects struct {
	// The writer has done these, or does them itself before it answers.
	Done []Effect `json:"done,omitempty"`
	// The writer leaves these to the monolith's inbox.
	Left []Effect `json:"left,omitempty"`
	// The status before the change; absent for a new comment. With the new status it
	// is what a counter and a queue need to know.
	Was CommentStatus `json:"was,omitempty"`
	// Why the rules hold the comment back, for the moderators' queue.
	Reason string `json:"reason,omitempty"`
	// Whom to tell, where the comment became visible to everyone; absent: nobody.
	Notice *Notice `json:"notice,omitempty"`
}

// Notice is what telling a post's author takes, beside the comment itself.
type Notice struct {
	// The account of the post's author.
	To string `json:"to" schema:"uuid"`
	// The post's title then.
	PostTitle string `json:"post_title"`
	// The comment's beginning.
	Excerpt string `json:"excerpt"`
}

// NoticeOf is the notice as an event carries it; nil for nil.
func NoticeOf(n *CommentNotice) *Notice {
	if n == nil {
		return nil
	}
	return &Notice{To: n.To, PostTitle: n.PostTitle, Excerpt: n.Excerpt}
}

// leftOf and openTo are for the events: what is no change has no effects at all.
func (e CommentEffects) leftOf(effect Effect) bool { return slices.Contains(e.Left, effect) }

func (e CommentEffects) openTo(effect Effect) bool {
	return !slices.Contains(e.Left, effect) && !slices.Contains(e.Done, effect)
}

// LeftOf tells whether the effect is the monolith's inbox's to do.
func (e CommentChanged) LeftOf(effect Effect) bool { return !e.Snapshot && e.Effects.leftOf(effect) }

// OpenTo tells whether the effect is its own consumer's to do: nobody has done it, and
// it was left to nobody else.
func (e CommentChanged) OpenTo(effect Effect) bool { return !e.Snapshot && e.Effects.openTo(effect) }

// LeftOf is as for CommentChanged.
func (e CommentDeleted) LeftOf(effect Effect) bool { return !e.Snapshot && e.Effects.leftOf(effect) }

// OpenTo is as for CommentChanged.
func (e CommentDeleted) OpenTo(effect Effect) bool { return !e.Snapshot && e.Effects.openTo(effect) }

func (e CommentEffects) check(c *checker, snapshot bool) {
	for _, effect := range e.Left {
		c.must(!slices.Contains(e.Done, effect), "effects.left", string(effect), "it is among those done already: name it once")
	}
	if e.Was != "" {
		oneOf(c, "effects.was", e.Was, e.Was.Values())
	}
	if n := e.Notice; n != nil {
		c.id("effects.notice.to", n.To)
	}
	c.must(!snapshot || len(e.Left) == 0 && e.Notice == nil, "effects", "left or notice", "a snapshot has none: nothing changed")
}
