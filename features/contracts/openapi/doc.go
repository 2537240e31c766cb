// Package openapi is the public JSON API in one file, OpenAPI 3: what a client may
// rely on from the first step to the last, whoever answers. Hosts serve it; the
// monolith's tests hold every answer against it. It is written by hand, because it
// is the promise and the code keeps it, not the other way round.
package openapi
