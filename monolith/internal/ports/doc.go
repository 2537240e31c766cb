// Package ports lets features that run in one process answer each other: one small
// adapter for each port that a feature declares, where the other feature does not
// satisfy it as it is. Each has a counterpart over the network in the service that
// takes the feature out. Only the wiring makes them.
package ports
