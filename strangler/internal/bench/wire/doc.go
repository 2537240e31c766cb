// Package wire is the clients of the gateway's benchmark: kept connections over
// raw sockets that ask for one thing again and again, each as soon as it was
// answered (a closed loop), and note how long each answer took. Once a crowd is
// gathered a request allocates nothing, so that the clients disturb what they
// measure as little as they can.
//
// It knows addresses and requests, and neither contenders nor scenarios.
package wire
