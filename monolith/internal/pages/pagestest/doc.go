// Package pagestest runs the pages on a real port for tests: the real features over
// stores in memory, with the real HTTP kit around them. A test of the pages is then
// about pages, takes milliseconds to start, and can steer what a database could not.
//
// What the stores promise is tested with the stores that are shipped; these here keep
// to it as far as a page can tell.
package pagestest
