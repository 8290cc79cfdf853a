package load

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is CLOCK_MONOTONIC, which all processes share.
func sinceBoot() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // never fails
	return time.Duration(t.Nano())
}

// Limits are the system's limits on this process. Zero: not known.
type Limits struct {
	Descriptors uint64
	Ports       int // given out to connections, for each local address and target
}

// FindLimits asks the system.
func FindLimits() Limits {
	var l Limits
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil {
		l.Descriptors = r.Cur
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		var from, to int
		if n, _ := fmt.Sscan(string(b), &from, &to); n == 2 {
			l.Ports = to - from + 1
		}
	}
	return l
}
