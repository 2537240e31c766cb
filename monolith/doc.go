// Command monolith is the blog as one binary: it hosts every feature, on one
// database, with the pages and the JSON API on one port and what operators need on
// another.
//
//	monolith [serve]               answer requests; migrates the database first
//	monolith migrate               migrate the database and end
//	monolith seed ...              fill a realistic blog, the same one for the same seed
//	monolith role EMAIL ROLE       give a role; the way to the first moderator
//	monolith healthcheck           ask /livez of the running one, for a container's probe
//
// What every host does around its routes is platform/hosting's. Its configuration is the
// environment: see internal/config. What can change while it runs is the settings file:
// see platform/session.
//
//	main.go      the commands
//	wire.go      what hangs on what, and the one place where a seam is switched
//	database.go  the database, its migrations, and the command that gives roles
//	seed.go      the command that fills a blog
//	settings.go  the settings file, followed while the monolith runs
//	events.go    who is told of comments and posts, and what is heard of them
//	public.go    the public port: middleware, API, pages
//	inside.go    what the gateway and services ask on it
//	admin.go     the admin port
//	told.go      what it tells of events, and what moves who owns comments
//	serve.go     start and stop, in order
package main
