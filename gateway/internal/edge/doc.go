// Package edge serves TLS with HTTP/2 where the gateway is itself the edge, with
// nothing in front of it.
//
// net/http ends TLS and speaks HTTP/2 and HTTP/1.1 with clients; each request then
// goes, as HTTP/1.1 over a connection that never leaves the process, to the same data
// plane that answers the plain port. So there is one place where paths are made
// canonical, headers stripped, routes chosen and limits kept, and what is proven of
// it holds here too. The price is a second hop within the process, a few times what the
// data plane itself costs: where a load balancer ends TLS, leave this off.
//
// It decides nothing. It tells the data plane who asks, which believes it because
// nobody else can open such a connection (package sock, Pair).
package edge
