// Package view shows a tour to a person: plain lines where output is a file or a
// pipe, a live picture in a terminal, and at the end one table. It owns nothing but
// words and layout, and never decides whether something held.
package view
