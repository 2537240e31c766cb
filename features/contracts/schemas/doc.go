// Package schemas is the JSON Schemas (draft 2020-12) of the events in contracts, one
// file for each event and revision, comment.changed.1.json, and what keeps the two in
// step: the generator that makes a schema from a Go type, and the rules by which a
// changed type is refused because somebody could not read it.
//
// The highest revision is today's. The ones before stay: events of that time are
// still in the topics and are read again when a projection is built from the log's
// start. After a change of an event's type run, in the module's folder,
//
//	go generate ./contracts/schemas
//
// which adds a revision, or says what breaks. Nothing at run time needs this package;
// catalogues and tests do.
package schemas

//go:generate go run ./write
