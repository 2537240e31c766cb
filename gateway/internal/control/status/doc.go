// Package status is what a gateway tells about itself: the JSON of GET /api/status
// and of each event, which tools read and the page shows. It holds values only.
// Package control fills them in; package page draws them.
//
// Counts are since the gateway began, so that two readings give a rate over any
// time; for people, Recent is the last minute worked out already.
package status
