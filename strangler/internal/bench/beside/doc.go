// Package beside measures the gateway beside what a team would otherwise run, in
// one run: nginx, haproxy and Caddy where they are installed, and
// httputil.ReverseProxy, tuned and as it comes. Contenders take turns, and compared are ratios of the same
// rounds, because figures of a machine that does other things too mean little by
// themselves.
//
// It also measures what only the gateway promises: the cost of a canary and a
// shadow, memory of idle connections, reloads under load, long bodies in constant
// memory. The command `strangler bench gateway` calls it; package peers starts the
// processes and package wire sends the load.
package beside
