// Package same shows that a request answered through the gateway is answered as it
// is directly: byte for byte where it matters. One table of requests is sent to
// both addresses, over connections of its own making, since net/http hides much of
// what a proxy can get wrong: interim answers, framing, several headers of one
// name, what follows a HEAD.
//
// It owns the table (All), the wire, the comparison, and the short list of what may
// differ, each entry with its reason (mayDiffer). "strangler verify" and the tests
// of package acceptance call Run. It makes two accounts and a few posts of its own;
// it changes nothing else, and never looks behind the two addresses.
//
// Each side has a session of its own, of the same account. So it holds with any
// number of replicas, except for sessions in memory without affinity.
package same
