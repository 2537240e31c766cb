// Package steps reads the path: the folders of migration-steps with their
// step.yaml and gateway.yaml, and processes.yaml, which says how each process is
// started. It owns the types that a step is made of, and their checks.
//
// Everybody who walks reads from it: the plan, the local target, the tour. It
// knows no step by name or number and starts nothing. Whatever is wrong in a file
// is one error with file, line, field, value and mend.
package steps
