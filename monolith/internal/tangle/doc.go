// Package tangle keeps all features' data in one database, the way a blog does that
// grew for years: it implements every feature's Store. It is the "before" picture.
// The wiring makes it in steps 00 to 03; from step 04 on the features' own stores are
// in its place (monolith/internal/untangled), and monolith/internal/storetest holds
// both to the same behaviour.
//
// What is good about it, and lost later: a comment, the post's counter, the
// moderators' queue and the author's notification are one transaction. They are
// never apart, not even for a moment, and nobody had to think about it.
//
// What is wrong with it:
//
//   - No feature can leave. A list of posts joins accounts for names, the queue
//     joins comments, posts and accounts, the feed three tables; a service with a
//     database of its own could run none of these statements.
//   - Nobody owns a table. posts.comment_count is a column of posts that the code of
//     comments writes; what a deletion of a post takes along is known to the code of
//     posts, down to other features' queues and tombstones.
//   - Everything waits for the post's row. Each write under a post locks it for the
//     counter's sake, so that a post that everybody talks about takes one comment
//     at a time; and an author's edit of the post waits with them.
//   - It grew up with foreign keys that held all tables in one database. Step 04 has
//     dropped those that went from feature to feature (they may: nothing here relies
//     on one); the joins hold the tables together all the same.
//   - Reading costs writing: search sorts and marks on the database that takes the
//     comments.
//
// What it does do properly, because the steps rely on it: a write has a version
// guard in its statement; a key settles retries in the same transaction as the
// write; a deletion leaves tombstones, one for the post and one for each comment;
// no foreign key cascades, and who writes under a post locks it, so that nothing is
// ever left behind without one either.
//
// Lock order, so that two transactions never wait for each other: the idempotency
// key, the post's row, comments, then what hangs on them. A comment's row is never
// locked before its post's. (Two that mark notifications may still meet in another
// order; database.InTx tries again then.)
package tangle
