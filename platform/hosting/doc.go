// Package hosting is what every host does around its own routes, whichever features it
// hosts. Its parts:
//
//	Environment  the variables that all hosts have; a host's configuration embeds it
//	Read         an environment into a configuration; errors name the variable and the mend
//	Host         a running host: its ports, what runs beside its requests, its orderly end
//	Topics       topics made before they are used, however long Kafka is away
//	Description  what a host tells of itself at GET /topology, and what it uses
//	Healthcheck  the question of a container's probe
//
// A host's main has the rest: what hangs on what, which routes there are, and the
// variables that only it has. Hosts call this package, in their serve.go, events.go and
// configuration; features never do. It knows no feature, mounts no route, and decides
// nothing by what it hosts.
package hosting
