// Package local is the target "this machine": it runs a step as child processes
// and does a plan's actions to them. It owns the run folder (lock, state, logs,
// the settings and routes that the processes watch), building, ports, and ending
// what it started.
//
// The commands and the tour call it. Processes outlive the command that started
// them; the next command finds them by the run folder. It looks at a process
// only from outside, by its ports: it never opens a database or a session store.
package local
