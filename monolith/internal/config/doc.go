// Package config is what an operator says to the monolith: its environment, read
// once into one typed struct and checked before anything starts. Only main and
// the wiring read it; no feature knows that it exists. What can change while the
// monolith runs is not here but in the settings file: see platform/session.
package config
