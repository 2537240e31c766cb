// Package policy decides, for one request, what becomes of it: its canonical
// path, the route that takes it, the replica it goes to, which of its headers are
// believed, and the cookie that keeps its user at that replica.
//
// It works on a small view of a request and knows no server: the fasthttp
// listener calls it, and a listener on net/http can. It reads no socket and no
// clock, and what it decides follows from its arguments, the table, and the
// replicas' health alone.
package policy
