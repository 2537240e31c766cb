// Package paging is how lists are cut into pages: by a cursor, not by an offset,
// so that a page stays right while rows are added before it. A cursor is opaque to
// clients; inside it is the place of the last item shown.
package paging
