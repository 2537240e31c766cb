// Package complaints reads what processes wrote into their logs and says in a few lines
// what they complained of in a span of time: warnings, errors and panics, counted by
// process and message, the worst first, each with one example.
//
// The commands and the tour show that when something did not hold: the reason often
// stands in the log of a process that nobody thought of. Logs come from package
// deployment. It never prints a secret that it can tell: hosts leave them out of their
// logs, and this is the second lock on that door.
package complaints
