// Package diff says in what two HTTP answers differ, for people and for counters.
//
// JSON bodies are compared as values: the order of members, white space and the
// spelling of numbers and strings don't count, everything else does. Rules name, by
// JSON Pointers (RFC 6901) in which a reference token * stands for any key or index,
// what may differ: places that are ignored, arrays whose order doesn't count, numbers
// that may be a little off. Other bodies are compared byte by byte and shown by lines.
//
// The package is safe against hostile bodies: nesting, the number of values and the
// work of a comparison are bounded, and what it shows is short, printable and
// without the values of members that are called like secrets.
//
// Package shadow calls it; it knows neither requests nor the network.
package diff
