// Command comments is the comments service: it hosts the one feature comments, on a
// database of its own, and knows the monolith as an address.
//
//	comments [serve]       answer requests; migrates the database first
//	comments migrate       migrate the database and end
//	comments discard       empty a follower's database, before it begins anew
//	comments healthcheck   ask /livez of the running one, for a container's probe
//
// The rules, the routes and the store are features/comments', which the monolith hosts
// as well. What is different here is around it: who is asking comes signed in a header
// instead of a session (platform/identity); posts, names and verdicts are asked for over
// the network (internal/peers); what a write does to other features is left to the
// monolith's inbox, and the event says so.
//
// Whether it may write, a row in its database says (platform/ownership). It begins as
// a follower: it applies what the monolith tells on Kafka, answers reads, and answers
// writes with 421. When the row says owner, it writes, and tells the monolith.
//
//	main.go      the commands
//	wire.go      what hangs on what
//	events.go    topics, relay, inbox, backfill: what runs beside the requests
//	database.go  the database and its migrations
//	discard.go   the command of that name
//	public.go    the public port: who is asking, and the API
//	inside.go    what the monolith asks, on the public port under /internal/
//	admin.go     the admin port
//	serve.go     start and stop, in order
//
// What every host does around its routes is platform/hosting's. Its configuration is the
// environment: see internal/config.
package main
