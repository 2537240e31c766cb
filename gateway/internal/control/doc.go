// Package control is the gateway's own port: health, metrics, what is in force,
// how to change it, and the page that shows it. It is for operators and tools,
// bound to loopback or to the cluster's inside, and it is echo; the data plane is
// not, and shares nothing with it but package current.
//
// Reading is free to whoever reaches the port; changing needs the token. The
// package decides nothing about requests.
package control
