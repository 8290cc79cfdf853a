package fault

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Faults says what is done to the streams; the tags make a command's flags of it. Zero
// means no such fault: the zero value passes everything on as it is.
type Faults struct {
	Drop         int           `placeholder:"N" help:"Leave out every N-th event of a stream."`
	Duplicate    int           `placeholder:"N" help:"Send every N-th event twice. The copy follows its event at once and is not counted again."`
	Reorder      int           `placeholder:"N" help:"Swap every N-th event with the one after it; if none comes within a second, send it on."`
	Delay        time.Duration `placeholder:"D" help:"Hold each event for D. The events after it are not held longer for that."`
	Stall        time.Duration `placeholder:"D" help:"Once, a second after the first event, send nothing on any stream for D, and then all that has come."`
	Cut          time.Duration `placeholder:"D" help:"End each stream cleanly (last chunk, FIN) D after it opened."`
	Reset        time.Duration `placeholder:"D" help:"Reset each stream's connection (RST) D after it opened."`
	Refuse       int           `placeholder:"N" help:"Refuse every N-th subscribe request, counted over all clients."`
	RefuseStatus int           `placeholder:"STATUS" help:"…with this status (503)."`
	Strip        []string      `sep:"none" placeholder:"HEADER" help:"Leave this header out of all answers; may be repeated."`
}

// String names the faults in the order in which they are applied, or says "none".
func (f Faults) String() string {
	var names []string
	say := func(on bool, format string, args ...any) {
		if on {
			names = append(names, fmt.Sprintf(format, args...))
		}
	}
	say(f.Drop != 0, "drop 1 in %d", f.Drop)
	say(f.Duplicate != 0, "duplicate 1 in %d", f.Duplicate)
	say(f.Reorder != 0, "reorder 1 in %d", f.Reorder)
	say(f.Delay != 0, "delay %v", f.Delay)
	say(f.Stall != 0, "stall once for %v", f.Stall)
	say(f.Cut != 0, "cut after %v", f.Cut)
	say(f.Reset != 0, "reset after %v", f.Reset)
	say(f.Refuse != 0, "refuse 1 in %d with %d", f.Refuse, f.refuseStatus())
	say(len(f.Strip) > 0, "strip %s", strings.Join(f.Strip, " "))
	return cmp.Or(strings.Join(names, ", "), "none")
}

// Any reports whether any fault is set.
func (f Faults) Any() bool { return f.String() != "none" }

// Validate returns an error that names every field with a bad value.
func (f Faults) Validate() error {
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for name, n := range map[string]int{"drop": f.Drop, "duplicate": f.Duplicate, "reorder": f.Reorder, "refuse": f.Refuse} {
		bad(n < 0, "%s of %d: give 1 or more (it is done to every N-th), or 0 for none", name, n)
	}
	for name, d := range map[string]time.Duration{"delay": f.Delay, "stall": f.Stall, "cut": f.Cut, "reset": f.Reset} {
		bad(d < 0, "%s of %v: give a duration above zero (250ms, 2s), or 0 for none", name, d)
	}
	s := f.refuseStatus()
	bad(s < 200 || s > 599, "refuse-status of %d: give a status of a final answer, 200 to 599 (503, 429)", s)
	for _, h := range f.Strip {
		bad(h == "" || strings.ContainsAny(h, ": \t\r\n"), "strip of %q: give the name of a header alone (X-Accel-Buffering)", h)
	}
	return errors.Join(errs...)
}

func (f Faults) refuseStatus() int { return cmp.Or(f.RefuseStatus, http.StatusServiceUnavailable) }
