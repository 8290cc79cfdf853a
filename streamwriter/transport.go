package streamwriter

import (
	"io"
	"net/http"
	"time"
)

// transport is where a Writer's bytes go.
type transport struct {
	io.Writer
	flush       func() error          // nil: every Write is flushed
	setDeadline func(time.Time) error // nil: writes are not bounded
	writable    func() bool           // nil: it is not known whether a write would block
}

// transportOf is w, with the methods that it has for flushing and deadlines. If a
// middleware's response writer lacks one, that of the response writer that it wraps is
// used, as by http.ResponseController.
func transportOf(w io.Writer) transport {
	out := transport{Writer: w}
	for {
		if out.flush == nil {
			out.flush = flushOf(w)
		}
		if d, ok := w.(interface{ SetWriteDeadline(time.Time) error }); ok && out.setDeadline == nil {
			out.setDeadline = d.SetWriteDeadline
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return out
		}
		w = wrapper.Unwrap()
	}
}

// flushOf is w's method that flushes, or nil.
func flushOf(w io.Writer) func() error {
	switch f := w.(type) {
	case interface{ FlushError() error }:
		return f.FlushError
	case interface{ Flush() error }:
		return f.Flush
	case interface{ Flush() }:
		return func() error { f.Flush(); return nil }
	}
	return nil
}
