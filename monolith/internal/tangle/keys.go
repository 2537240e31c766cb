package tangle

import "banyan.dev/platform/database"

// Each feature's idempotency keys.
var (
	accountKeys = database.Keys{Table: "account_keys", Target: "account_id"}
	postKeys    = database.Keys{Table: "post_keys", Target: "post_id"}
	commentKeys = database.Keys{Table: "comment_keys", Target: "comment_id"}
	ruleKeys    = database.Keys{Table: "moderation_keys", Target: "rule_id"}
)
