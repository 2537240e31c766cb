// Package tour is the main job: it brings the first step up, lets users come, walks
// the steps one after another while they are at work, rolls back and forward again,
// and reports of each step what its users noticed. Of a step that did not hold it says
// what its hosts complained of meanwhile, and who was behind, and it leaves their logs.
//
// It owns the order of things, the report and what counts as holding. Doing actions
// is the target's (package deployment), users are package traffic's, the few people of
// a demo are package probe's, journeys are package journeys'. It prints nothing:
// whoever watches is told in events.
package tour
