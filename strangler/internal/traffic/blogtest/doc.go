// Package blogtest is a blog in memory that keeps the public contract as far as simulated users can tell, and that
// breaks a promise where a test tells it to.
//
// The tests of traffic and bench use it, to show that each broken promise is noticed and that a kept one is not
// accused. It is no model of the real blog: it renders nothing, sorts little and forgets everything.
package blogtest
