package socket

// The system calls that are made for every delivery or every stream, without
// what makes the general ones slower. This is the project's one file with
// unsafe in it, but for the floor of bench.

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noWait makes a write take what there is room for, whatever mode the socket is
// in: the blocking mode belongs to the open file, which others have descriptors
// of (os.File.Fd of a net.TCPConn's File sets it for both). And a peer that is
// gone is an error, not a signal.
const noWait = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// Write writes what the socket takes now, and says how much that was: none is no
// error. It never blocks.
//
// It calls the kernel without telling Go's scheduler, which would prepare for a
// call that blocks: this one takes a few microseconds. A
// delivery costs a sixth less for it (docs/design.md).
func Write(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), noWait, 0, 0)
		if errno != syscall.EINTR {
			return wrote(fd, n, errno, b)
		}
	}
}

// WriteYielding is Write for a goroutine that has much to do on end: the
// scheduler is told, and can give the processor to others when the kernel takes
// the thread off it inside a call.
func WriteYielding(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), noWait, 0, 0)
		if errno != syscall.EINTR {
			return wrote(fd, n, errno, b)
		}
	}
}

// wrote makes sense of what sendto(2) returned for b.
func wrote(fd int, n uintptr, errno syscall.Errno, b []byte) (int, error) {
	runtime.KeepAlive(b)
	switch {
	case errno == 0 && (n > 0 || len(b) == 0):
		return int(n), nil
	case errno == 0:
		return 0, syscall.EPIPE
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno == syscall.ENOTSOCK: // no connection: the /dev/null of benchmarks
		return syscall.Write(fd, b)
	}
	return 0, errno
}

// tcpInfo reads TCP_INFO into info, which x/sys would allocate at each call.
func tcpInfo(fd int, info *unix.TCPInfo) syscall.Errno {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	return errno
}
