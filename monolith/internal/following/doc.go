// Package following is the use cases of comments at whoever owns comments by now: this
// host, or the comments service. The row of the ownership says who, and it is asked at
// each call, so that nothing in the house has to be told when that changes.
//
// The pages, moderation, the feed and the handler of deleted posts go through it. The
// API's routes of comments don't: the gateway knows who owns them, and sends again
// what came to the wrong side.
//
// While comments are handed over nobody owns them, for milliseconds. A write then waits,
// bounded, and goes to the new owner before anything else was done. The row is only a
// hint of whom to ask: whether somebody may write is decided by the owner's database, in
// the transaction that writes.
package following
