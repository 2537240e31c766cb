package peers

import (
	"fmt"
	"net"
	"strconv"

	"banyan.dev/platform/embedded"
)

// Setting is what a contender's configuration is rendered from.
type Setting struct {
	Dir     string // the contender's own
	Address string // where it listens
	// Admin and Token are of the gateway's admin port.
	Admin string
	Token string
	// App and Next are the replicas of the two owners. Only the gateway knows more
	// than the first of App.
	App  []string
	Next []string
	// Streams is where the application has long bodies.
	Streams string
	// Connections is how many clients may be connected at once.
	Connections int
	// Keep is how many idle connections are kept to the application.
	Keep int
	// Processors is how many threads may work.
	Processors int
	// Files is how many files a process may have open.
	Files int
	// User is whom to run as, as in "root root"; "" leaves it.
	User string
}

// Example is a setting to show configurations with, where nothing is started.
func Example(connections, keep, processors int) Setting {
	return Setting{
		Dir: "/tmp/bench", Address: "127.0.0.1:8000", Admin: "127.0.0.1:8001",
		App: []string{"127.0.0.1:8080", "127.0.0.1:8081"}, Next: []string{"127.0.0.1:8082", "127.0.0.1:8083"},
		Streams: "127.0.0.1:8084", Connections: connections, Keep: keep, Processors: processors, Files: 65536,
	}
}

// KeepFor is how many idle connections to keep for so many clients.
func KeepFor(connections int) int { return max(256, connections) }

// Addresses finds so many free addresses on loopback. Somebody else may take one
// before it is used; Start says then what the contender said.
func Addresses(n int) ([]string, error) {
	var found []string
	taken := map[int]bool{}
	for len(found) < n {
		port, err := embedded.FreePort()
		if err != nil {
			return nil, fmt.Errorf("find an address: %w", err)
		}
		if !taken[port] {
			taken[port] = true
			found = append(found, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		}
	}
	return found, nil
}
