package servertest

import (
	"bytes"
	"runtime/pprof"
	"strings"
)

// label is the profiler label of a server's goroutines: theirs have it too whom they
// start. So tests with hubs of their own can run at the same time.
const label = "fastsse/servertest"

// checkGoroutines fails the test if a goroutine of the server is left.
func (s *Server) checkGoroutines() {
	s.t.Helper()
	var left []string
	if !s.soon(func() bool { left = s.goroutines(); return len(left) == 0 }) {
		s.t.Errorf("servertest: at the test's end goroutines go on:\n%s", strings.Join(left, "\n\n"))
	}
}

// goroutines are the stacks of the server's goroutines that are inside a handler, a
// stream or the hub.
func (s *Server) goroutines() (stacks []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return nil
	}
	mine := `"` + label + `":"` + s.id + `"`
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, mine) && containsAny(stack, inside) && !containsAny(stack, shared) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

var (
	inside = []string{"fasthttp.(*Server).", "fastsse/server.", "fastsse/internal/", "fastsse/streamwriter."}
	// Those are one for all hubs, and live until the last stream of all has ended.
	shared = []string{"streamwriter.(*clock).run", "socket.(*watcher).run"}
)

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}
