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

// Write writes what the socket takes now, and says how much that was: none is no
// error. fd must not block.
//
// It calls the kernel without telling Go's scheduler, which would prepare for a
// call that blocks: a socket write takes a few microseconds and never does. A
// delivery costs a sixth less for it (docs/design.md).
func Write(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != syscall.EINTR {
			return wrote(n, errno, b)
		}
	}
}

// WriteYielding is Write for a goroutine that has much to do on end: the
// scheduler is told, and can give the processor to others when the kernel takes
// the thread off it inside a call.
func WriteYielding(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.Syscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != syscall.EINTR {
			return wrote(n, errno, b)
		}
	}
}

// wrote makes sense of what write(2) returned for b.
func wrote(n uintptr, errno syscall.Errno, b []byte) (int, error) {
	runtime.KeepAlive(b)
	switch {
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno != 0:
		return 0, errno
	case n == 0 && len(b) > 0:
		return 0, syscall.EPIPE
	}
	return int(n), nil
}

// tcpInfo reads TCP_INFO into info, which x/sys would allocate at each call.
func tcpInfo(fd int, info *unix.TCPInfo) syscall.Errno {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	return errno
}
