// Package config reads gateway.yaml: which owners there are, where their
// replicas stand, which owner answers each route, and the policies on the way. The
// format is described by the example beside the module, gateway/example.yaml, and
// for editors by gateway/gateway.schema.json; tests keep both in step with Parse.
//
// It is pure: bytes in, a checked Config or a list of errors out, each naming the
// line and the field. Unknown fields are refused, because a misspelt one would
// otherwise be a setting that silently isn't in force. It never opens a file, a
// socket or a name server; package current does what a Config says.
package config
