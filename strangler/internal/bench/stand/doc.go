// Package stand is the inside of the processes that the gateway's benchmark needs
// beside its contenders: the application that all of them stand in front of, and
// a contender that nobody installs, httputil.ReverseProxy, tuned and not. They are this
// tool's own binary under a hidden command, so that what they cost is counted
// apart from the load generator.
//
// The application is made to be no bottleneck: its small answers are written from
// memory by a loop over raw sockets that allocates nothing. It understands only what
// the benchmark sends and is no web server for anything else.
package stand
