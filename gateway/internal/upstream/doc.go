// Package upstream is the gateway's side towards the owners: replicas with their
// figures and their health (what probes find, and what their own answers tell), the
// connections kept to each, and the groups of replicas that names in a
// configuration stand for.
//
// The data plane borrows connections here and speaks HTTP/1.1 over them; package
// policy chooses among the replicas. The package knows no route and no client. It
// doesn't go through http.Transport: that would hide whether a request's bytes
// were sent, which is what decides whether it may be sent again.
package upstream
