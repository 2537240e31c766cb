package session

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// writer runs before once, ahead of the answer's first byte. It keeps what the
// writer below can do: http.ResponseController finds it through Unwrap, and what
// sends bytes is here, since Unwrap alone would pass before by.
type writer struct {
	http.ResponseWriter
	before func()
	begun  bool
}

func (w *writer) begin() {
	if !w.begun {
		w.begun = true
		w.before()
	}
}

// WriteHeader lets an informational answer (1xx) pass: the real one follows.
func (w *writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

// ReadFrom keeps sendfile for uploads and static files.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, r)
}

// FlushError is what http.ResponseController looks for.
func (w *writer) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is for who asks for a http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// Hijack hands the connection over; the answer is then the handler's own.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
