// Package acceptance runs the acceptance suite against real processes: the
// monolith and the gateway are built once, started on free ports over a real
// PostgreSQL, and visited by package journeys and package same.
//
// It is tests only. Besides that the blog passes, they show that the suite can fail: a
// proxy in front breaks one thing at a time, and the journey or the comparison that
// is there for that thing has to notice. A suite that passes a broken blog proves
// nothing about a whole one.
package acceptance
