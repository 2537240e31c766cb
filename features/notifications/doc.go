// Package notifications tells an author that somebody commented: in the
// application, and by mail.
//
//	tables   notifications
//	routes   /api/v1/notifications...
//	events   none; it hears of comments by the monolith's inbox (monolith/internal/effects)
//	ports    Accounts (who has which address), Mailer
//
// A notification is written in the transaction of its comment: see store.
//
// In the monolith the mail is sent inside the request that wrote the comment: a slow
// mail server makes a slow comment. That is what a later step takes away.
package notifications
