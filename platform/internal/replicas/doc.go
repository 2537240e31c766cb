// Package replicas asks a host that runs as several replicas over one database: the
// one that answered last, and the next one when it is away. It is for tools that
// speak to admin ports, a few requests at a time; what hosts ask each other for each
// request of a user goes by package call.
//
// It says of a question that came to nothing whether it may have been acted upon:
// only the caller knows whether it may be asked a second time.
package replicas
