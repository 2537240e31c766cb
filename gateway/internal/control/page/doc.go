// Package page draws the page at /_strangler/: a status goes in, HTML comes out.
//
// There is one set of templates. The server writes the whole page with them, which
// is complete without script; with script the page follows an event stream of the
// same sections, and patches what has changed in place, so that focus, selection,
// opened details and half-typed fields stay. So nothing is drawn in two languages.
//
// The content security policy takes nothing but files of this package: no inline
// style or script. Bars and lines are therefore SVG, whose lengths are attributes.
package page
