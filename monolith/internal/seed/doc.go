// Package seed fills a blog that looks lived in: people, a year of posts with code,
// lists and links, drafts, threads of talk under them, comments that wait for a
// moderator, notifications, a few moderation rules.
//
// The same seed makes the same blog, down to the ids: it is what the steps, the
// bench and the screenshots stand on. Running it again adds nothing, also not what
// was deleted since. The command `monolith seed` calls it; nothing that answers
// requests does.
//
// Everybody whom it makes has the password in Password. These are accounts for
// development: never seed a blog that strangers can reach.
package seed
