package fault

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// Faults says what is done to the streams. In each field zero means no such fault:
// the zero value passes everything on as it is. What counts as an event, and how
// several faults combine, is in the package's documentation.
type Faults struct {
	// Drop leaves out every Drop-th event of a stream. 1 leaves out all.
	Drop int
	// Duplicate sends every Duplicate-th event of a stream twice.
	Duplicate int
	// Reorder swaps every Reorder-th event of a stream with the one after it. If
	// none comes within a second, or the stream ends, it is sent in its place.
	Reorder int

	// Delay holds each event for this long before it is sent on. The events
	// after it are not held longer for that.
	Delay time.Duration
	// Jitter holds event i of a stream for (i mod 100)/100 of this time, in
	// addition to Delay. Order is kept: an event that would be sent before an
	// earlier one waits for it.
	Jitter time.Duration
	// Hold collects events and comments, and sends them on together at this
	// interval, as a buffering proxy does.
	Hold time.Duration
	// Drip sends at most this many bytes per second of a stream's body, in pieces
	// of at most a twentieth of that, each only when those before it have had
	// their time. (Any one second may include up to two pieces more.)
	Drip int

	// Cut ends each stream cleanly (last chunk, FIN) this long after it opened.
	Cut time.Duration
	// Reset ends each stream by a reset (RST) this long after it opened.
	Reset time.Duration

	// Refuse answers every Refuse-th subscribe request with RefuseStatus,
	// counted over all clients. The upstream has seen the request by then: only
	// its answer tells that this is a subscribe request.
	Refuse int
	// RefuseStatus is that answer's status, 200 to 599. Zero means 503. Without
	// Refuse it does nothing.
	RefuseStatus int

	// Strip leaves these headers out of all answers.
	Strip []string

	// SlowDrain makes Drain end the streams one after the other, in the order in
	// which they opened, evenly over this time. All are silent meanwhile.
	SlowDrain time.Duration
}

// Any reports whether any fault is set.
func (f Faults) Any() bool { return len(f.active()) > 0 }

// String names the faults in the order in which they are applied, or says "none".
func (f Faults) String() string {
	if !f.Any() {
		return "none"
	}
	return strings.Join(f.active(), ", ")
}

// active names each fault that is not zero.
func (f Faults) active() (names []string) {
	say := func(on bool, format string, args ...any) {
		if on {
			names = append(names, fmt.Sprintf(format, args...))
		}
	}
	say(f.Drop != 0, "drop 1 in %d", f.Drop)
	say(f.Duplicate != 0, "duplicate 1 in %d", f.Duplicate)
	say(f.Reorder != 0, "reorder 1 in %d", f.Reorder)
	say(f.Delay != 0, "delay %v", f.Delay)
	say(f.Jitter != 0, "jitter %v", f.Jitter)
	say(f.Hold != 0, "hold %v", f.Hold)
	say(f.Drip != 0, "drip %d B/s", f.Drip)
	say(f.Cut != 0, "cut after %v", f.Cut)
	say(f.Reset != 0, "reset after %v", f.Reset)
	say(f.Refuse != 0, "refuse 1 in %d with %d", f.Refuse, f.refuseStatus())
	say(len(f.Strip) > 0, "strip %s", strings.Join(f.Strip, " "))
	say(f.SlowDrain != 0, "slow drain over %v", f.SlowDrain)
	return names
}

// Validate returns an error that names every field with a bad value. NewProxy calls it.
func (f Faults) Validate() error {
	var errs []error
	for _, c := range []struct {
		name  string
		value int
		means string
	}{
		{"drop", f.Drop, "every N-th event is left out"},
		{"duplicate", f.Duplicate, "every N-th event is sent twice"},
		{"reorder", f.Reorder, "every N-th event is swapped with the next"},
		{"drip", f.Drip, "this many bytes per second"},
		{"refuse", f.Refuse, "every N-th subscribe request is refused"},
	} {
		if c.value < 0 {
			errs = append(errs, fmt.Errorf("%s of %d: give 1 or more (%s), or 0 for none", c.name, c.value, c.means))
		}
	}
	for _, c := range []struct {
		name  string
		value time.Duration
	}{
		{"delay", f.Delay}, {"jitter", f.Jitter}, {"hold", f.Hold},
		{"cut", f.Cut}, {"reset", f.Reset}, {"slow-drain", f.SlowDrain},
	} {
		if c.value < 0 {
			errs = append(errs, fmt.Errorf("%s of %v: give a duration above zero (250ms, 2s), or 0 for none", c.name, c.value))
		}
	}
	return errors.Join(append(errs, f.validateAnswers())...)
}

// validateAnswers is Validate for RefuseStatus and Strip.
func (f Faults) validateAnswers() error {
	if s := f.refuseStatus(); s < 200 || s > 599 {
		return fmt.Errorf("refuse-status of %d: give a status of a final answer, 200 to 599 (503, 429)", s)
	}
	for _, h := range f.Strip {
		if h == "" || strings.ContainsAny(h, ": \t\r\n") {
			return fmt.Errorf("strip of %q: give the name of a header alone (X-Accel-Buffering)", h)
		}
	}
	return nil
}

func (f Faults) refuseStatus() int {
	if f.RefuseStatus == 0 {
		return http.StatusServiceUnavailable
	}
	return f.RefuseStatus
}

// strip leaves headers out of an answer. A nil value also stops net/http from
// adding its own (Date, a guessed Content-Type).
func (f Faults) strip(h http.Header) {
	for _, name := range f.Strip {
		h[textproto.CanonicalMIMEHeaderKey(name)] = nil
	}
}
