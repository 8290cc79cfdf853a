package testkit

import (
	"runtime"
	"testing"
	"time"
)

// Patience is how long the functions of this package wait for what should happen at once,
// on a busy machine.
const Patience = 20 * time.Second

// Eventually waits until ok, which it calls every millisecond: for what the kernel or
// another goroutine is about to do. Beyond Patience it fails the test with what is
// missing and the stacks of all goroutines. It is for the test's own goroutine.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !Soon(Patience, ok) {
		fail(t, what)
	}
}

// Soon says whether ok comes true within limit. It calls it every millisecond.
func Soon(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// Within calls f, on another goroutine, and fails the test if that takes longer than
// Patience. It is for the test's own goroutine.
func Within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(Patience):
		fail(t, what)
	}
}

// Receive takes one value that should be on its way; the zero value if c is closed.
// Beyond Patience it fails the test. It is for the test's own goroutine.
func Receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(Patience):
		fail(t, what)
	}
	return v
}

func fail(t testing.TB, what string) {
	t.Helper()
	buf := make([]byte, 1<<20)
	t.Fatalf("not within %v: %s\n%s", Patience, what, buf[:runtime.Stack(buf, true)])
}
