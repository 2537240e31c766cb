// Package config is the environment of the comments service: read once, checked, and
// shown without its secrets. Every error names the variable, its value and the mend.
package config
