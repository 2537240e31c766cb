// Package command is the tool's command line: one file for each command, which
// reads flags, checks them, and calls the package that does the work. It owns what
// is printed for people when no live view is on.
//
// Only main calls it.
package command
