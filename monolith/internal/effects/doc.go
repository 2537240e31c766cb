// Package effects is what this host does when it hears of comments that another host
// owns, and of posts that it has deleted itself: in other features' tables, in the
// mail, at the owner of comments.
//
//	effects.go  count, queue and notification of a comment, in the inbox's transaction
//	repair.go   the same, set right where a repair found a row that was wrong
//	mail.go     the mail to the post's author, at least once
//	closing.go  the comments of a deleted post, at whoever owns them
//
// While this host owns comments it does all of that itself, in the transaction that
// writes: the events then say that it is done, and nothing is left for here.
package effects
