package load

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Garbage collection stops all goroutines, also one that naps or waits.
func TestGarbageCollectionDoesNotWaitForNaps(t *testing.T) {
	var naps atomic.Bool
	ended := make(chan struct{})
	moreProcs(1)
	defer moreProcs(-1)
	go func() {
		defer close(ended)
		naps.Store(true)
		nap(3 * time.Second)
		naps.Store(false)
	}()
	for !naps.Load() {
		time.Sleep(time.Millisecond)
	}
	for range 5 {
		runtime.GC()
	}
	if !naps.Load() {
		t.Error("the nap had ended when garbage was collected")
	}
	<-ended
}

// A thread that has napped, and what it starts, have the timers that they had before.
func TestNapsLeaveTheThreadAsItWas(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slack := func() int {
		ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return ns
	}
	before := slack()
	nap(time.Millisecond)
	if after := slack(); after != before {
		t.Errorf("a slack of %d ns after a nap, %d before", after, before)
	}
}
