// Package bench compares settings of the blog side by side in one run, where only the ratio between them means
// something: the machine, the neighbours and the moment are the same for all.
//
// The command `strangler bench` calls it and brings the way to start a process; this package measures, and it
// never starts one by itself.
package bench
