// Package plan computes how to get from one step to another, and walks: it does
// one action after another and records each in a journal, so that a walk that was
// cut off, by Ctrl-C or by a crash of the tool, goes on where it was.
//
// The commands advance, rollback and tour call it. What an action does is the
// target's; the plan only knows its order. It never looks at what runs.
package plan
