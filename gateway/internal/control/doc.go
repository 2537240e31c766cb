// Package control is the gateway's own port: health, metrics, what is in force and
// how it goes, how to change it, and the page that shows it. It is for operators and
// tools, bound to loopback or to the cluster's inside, and it is echo; the data plane
// is not, and shares nothing with it but what package current holds.
//
// Reading is free to whoever reaches the port; changing needs the token. What is
// read costs the data plane little: counters are sampled every two seconds, a frame
// is drawn once for all who follow, about once a second, less often where there is
// very much to draw, and never while nobody does.
//
//	status     what is told, as JSON
//	picture    the topology, laid out
//	page       what is told, as HTML
//
// The package decides nothing about requests.
package control
