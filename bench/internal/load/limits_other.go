//go:build !linux

package load

import "time"

// sinceBoot is the wall clock, less what is too much for a payload: the system's monotonic clock
// is not known.
func sinceBoot() time.Duration {
	return time.Since(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
}

// Limits are the system's limits on this process. Zero: not known.
type Limits struct {
	Descriptors uint64
	Ports       int // given out to connections, for each local address and target
}

// FindLimits knows nothing of systems other than Linux.
func FindLimits() Limits { return Limits{} }
