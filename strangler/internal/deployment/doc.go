// Package deployment brings the processes of a step to run and does a plan's actions to
// them, on one of the targets: child processes on this machine, containers under
// Docker Compose, a Kubernetes namespace.
//
// Run is what is the same everywhere: the run folder (lock, state, journal), the
// settings and routes that processes watch, sessions, ramps, holds, backfill, hand-over,
// and what it refuses to do. Below it an orchestrator starts, ends and finds replicas;
// each target is one (local.go, compose.go, kubernetes.go).
//
// The commands and the tour call it. What it starts outlives the command; the next
// command finds it by the run folder. It looks at a process only from outside, by its
// ports: it never opens a database or a session store.
package deployment
