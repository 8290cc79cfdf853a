package launch

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A server that does not listen to signals ends with a parent that was killed.
func TestServersDieWithThisProgram(t *testing.T) {
	s := must(t)(play(t.Context(), nil, "parent")) // at the URL of its child
	if !listens(s) {
		t.Fatalf("nobody at %s", s.URL())
	}
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	for begin := time.Now(); listens(s); time.Sleep(retry) {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the server has outlived the program that started it by 5 s")
		}
	}
}

// A goroutine that ends with its thread locked takes the thread with it.
func TestServersOutliveTheThreadOfTheirStart(t *testing.T) {
	started, failed := make(chan *Server, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		s, err := play(t.Context(), nil, "serves")
		started <- s
		failed <- err
	}()
	s := must(t)(<-started, <-failed)
	select {
	case <-s.Done():
		t.Errorf("the server has ended with the thread: %v", s.Err())
	case <-time.After(200 * time.Millisecond):
	}
}

// A shell that ends before its server, and leaves it: it must neither stay nor hold Stop up.
func TestWhatAServerHasStartedEndsWithIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := must(t)(Command(t.Context(), []string{"sh", "-c", self + " deaf & wait"}, nil))
	s.Stop()
	for begin := time.Now(); listens(s); time.Sleep(retry) {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the shell's server has outlived it by 5 s")
		}
	}
	if s.Status() != -1 {
		t.Errorf("status %d; want -1, of SIGTERM", s.Status())
	}
}
