package peers

import (
	"context"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
)

// Left stands for what this host does not do about a comment: the mail to the post's
// author. The event of the change says that it is left (contracts.CommentEffects), and
// the monolith's inbox does it when the event arrives; the store leaves counter, queue
// and notification in the same way. To do it here as well would be a second mail.
type Left struct{}

var _ comments.Notifications = Left{}

// CommentApproved does nothing: see Left.
func (Left) CommentApproved(context.Context, contracts.CommentNotice) error { return nil }

// Effects are those that are left to the monolith's inbox, as the events say it; the
// verdict is Done, asked for before the write.
func Effects() (done, left []contracts.Effect) {
	return []contracts.Effect{contracts.EffectVerdict},
		[]contracts.Effect{contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail}
}
