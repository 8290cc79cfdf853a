package load

import (
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// These calls wait, or take time, without Go's scheduler being told. It would give what runs
// the goroutine to another meanwhile, and look every 20 µs whether it has to: with few
// processors that delays the reader, and the server that is measured.

// moreProcs lets so many goroutines more run at once, in place of those that wait here.
func moreProcs(n int) {
	procs.Lock()
	defer procs.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
}

var procs sync.Mutex // one changes them at a time

// epollWait is unix.EpollWait. Garbage collection does not wait for it to return: the signal
// with which Go stops a goroutine ends it (unless GODEBUG has asyncpreemptoff=1).
func epollWait(ep int, events []unix.EpollEvent, ms int) (n int, err error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}

// receive reads what there is from a socket, at once.
func receive(fd int, buf []byte) (n int, err error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}

// nap sleeps for a short time. Without its first call the system adds up to 50 µs; the last
// one takes that back, for threads and programs that this one starts.
func nap(d time.Duration) {
	_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0)
	t := unix.NsecToTimespec(int64(d))
	for nanosleep(&t) == unix.EINTR { // what is left is in t then
	}
	_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 0, 0)
}

// nanosleep is where Go may stop the goroutine between two tries: a function that is not inlined
// looks whether it should. Otherwise garbage collection would wait for the nap to end.
//
//go:noinline
func nanosleep(t *unix.Timespec) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(t)), uintptr(unsafe.Pointer(t)), 0)
	return errno
}

// lowWater is how many bytes have to be there before the reader of a connection is told. One
// that has been closed is told of at once.
func lowWater(c syscall.RawConn, bytes int) {
	_ = c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes) })
}
