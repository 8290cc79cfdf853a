//go:build !linux

package load

import (
	"syscall"
	"time"
)

// nap sleeps for a short time.
func nap(d time.Duration) { time.Sleep(d) }

func moreProcs(int) {} // nothing waits without the scheduler

func lowWater(syscall.RawConn, int) {} // each answer is told of
