package config

import "time"

// Identity says who is asked whom a session belongs to, for the owners that are told.
// The answer is signed with the key of the gateway's environment and sent along with
// the request.
type Identity struct {
	Owner string
	// Path is asked with GET and the session cookie. The answer is 200 with a JSON
	// object of id, name and role, or 204 when the session is nobody's.
	Path string
	// Timeout is the longest the question may take, the second try included.
	Timeout time.Duration
	// Life is how long what is signed counts.
	Life time.Duration
}

// Resource is something that has one owner at a time, and moves as a whole: a table
// of the monolith's that becomes a service's. Routes name it instead of an owner.
type Resource struct {
	Name  string
	Owner string
	// Epoch rises by each move. It is above 0.
	Epoch int64
}

// Resting is a canary or a shadow of the owner that has a route's resource anyway. They
// are in force again when the resource moves on: a move changes nothing else in a file.
type Resting struct {
	Canary *Canary
	Shadow *Shadow
}

// Resource returns the resource of that name, or nil.
func (c *Config) Resource(name string) *Resource {
	for i := range c.Resources {
		if c.Resources[i].Name == name {
			return &c.Resources[i]
		}
	}
	return nil
}

// RoutesOf names the routes that are about a resource.
func (c *Config) RoutesOf(resource string) []string {
	var names []string
	for _, r := range c.Routes {
		if resource != "" && r.Resource == resource {
			names = append(names, r.Name)
		}
	}
	return names
}

// What holds where the file says nothing.
const (
	DefaultIdentityPath    = "/internal/identity"
	DefaultIdentityTimeout = 2 * time.Second
	DefaultIdentityLife    = 30 * time.Second
)
