package socket

// The system calls that are made for every delivery or every stream, without what makes
// the general ones slower. This is the only file of the project that uses unsafe, except
// for bench's floor.

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noWait makes a write take only what there is room for, whatever mode the socket is in:
// the blocking mode belongs to the open file, for which others may have descriptors
// (os.File.Fd of a net.TCPConn's File sets it for both). It also makes a write to a peer
// that is gone an error, and not a signal.
const noWait = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// Write writes as much as the socket takes now, and returns how much that was. Zero is
// not an error. It never blocks.
//
// It calls the kernel without telling Go's scheduler, which would prepare for a call that
// blocks: this one takes a few microseconds. That makes a delivery a sixth cheaper
// (docs/design.md).
func Write(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), noWait, 0, 0)
		if errno != syscall.EINTR {
			return wrote(fd, n, errno, b)
		}
	}
}

// WriteYielding is Write for a goroutine that makes many writes without a pause: it tells
// the scheduler, which can give the processor to other goroutines if the call takes long.
func WriteYielding(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), noWait, 0, 0)
		if errno != syscall.EINTR {
			return wrote(fd, n, errno, b)
		}
	}
}

// wrote interprets what sendto(2) returned for b.
func wrote(fd int, n uintptr, errno syscall.Errno, b []byte) (int, error) {
	runtime.KeepAlive(b)
	switch {
	case errno == 0 && (n > 0 || len(b) == 0):
		return int(n), nil
	case errno == 0:
		return 0, syscall.EPIPE
	case errno == syscall.EAGAIN:
		return 0, nil
	case errno == syscall.ENOTSOCK: // not a socket: the /dev/null of benchmarks
		return syscall.Write(fd, b)
	}
	return 0, errno
}

// tcpInfo reads TCP_INFO into info, which x/sys would allocate in each call.
func tcpInfo(fd int, info *unix.TCPInfo) syscall.Errno {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	return errno
}
