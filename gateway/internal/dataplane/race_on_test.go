//go:build race

package dataplane_test

const withRace = true
