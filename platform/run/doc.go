// Package run is the few lines under every main: signals become a cancelled
// context, an error becomes one readable line and an exit status, and what was
// started is stopped in reverse order.
//
// Every binary calls Main from its main function and nothing else. It never
// reads configuration and never logs; that belongs to the host.
package run
