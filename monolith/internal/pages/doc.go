// Package pages is the blog as people see it: server-rendered HTML over the
// features' use cases, which it calls in the same process.
//
// It owns the templates, the style sheet, the one small script, the logo, and all
// routes outside /api/: see Register for the list. The host wires it, and calls
// ErrorPage for problems that a person shall read.
//
// Everything works without script: each change is a form that posts and is answered
// with 303 See Other. A form carries an idempotency key, so that a double click is
// one post, and the version that it was made from, so that nobody's text is
// overwritten unseen. What was typed is never lost to an error: it comes back in the
// form, or on the page that says why.
//
// It never touches a store, a cookie or a session: those are the features' and the
// session middleware's. Who is asking comes in the context.
package pages
