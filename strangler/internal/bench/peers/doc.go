// Package peers is who takes part in the gateway's benchmark: the gateway, and what
// a team would otherwise run. It knows where a program is found, renders a tuned
// configuration for each, starts each as a child process in a folder of its own,
// and reads from outside what the process costs. It sends no load and judges
// nothing.
//
// Every contender forwards to the same application, keeps connections to it, sets
// the headers X-Forwarded-For, -Proto and -Host, X-Real-Ip and X-Request-Id, and
// writes no access log.
package peers
