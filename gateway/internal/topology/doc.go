// Package topology asks owners what they are and use: a database, a cache, a
// broker and its topics, a mail server, another host. Each replica tells of itself,
// as JSON at a path that the configuration names (owners.NAME.topology), so that the
// picture shows what is wired and not what somebody drew once:
//
//	{"host": "monolith", "name": "monolith-0", "version": "06-comments-reads",
//	 "uses": [{"kind": "postgres", "name": "blog", "address": "postgres:5432"},
//	          {"kind": "kafka", "name": "kafka", "address": "kafka:9092", "topics": ["blog.posts"]}]}
//
// What an owner says is believed only as text: it is bounded in size and number, and
// user information in an address is cut off, should somebody have left it in.
//
// Package control reads the answers. Nothing of the data plane depends on them.
package topology
