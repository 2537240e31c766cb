// Package ramp raises the share of a route's clients that a canary answers, step
// by step, and takes it back by itself when the canary is worse than the baseline,
// the owner that was there before. It holds the judge (Limits.Judge, which knows no
// clock and no network), the loop around it (Run), and the two things a ramp
// changes: a gateway's file (Edit) and the gateways that read it (Gateways).
//
// The command `strangler ramp` and the steps' ramp actions call it. It never starts
// a gateway or an owner, and never looks at one but through the gateways' admin
// ports.
//
// How it judges is after what canary analysis is elsewhere: both sides are watched
// over the same time, since a load that changes by the hour changes both
// (Kayenta, "Automated Canary Analysis at Netflix with Kayenta", 2018; Google's
// SRE workbook, chapter 16). Unlike there it looks at counts and not at a series of
// averages, so that exact tests for counts do, and it looks every second.
package ramp
