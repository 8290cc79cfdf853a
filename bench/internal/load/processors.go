package load

import (
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
)

// Processors is what all processors of the machine have done up to a moment.
type Processors struct {
	At   time.Duration
	Idle time.Duration // of all together, including waits for disks
	ok   bool
}

// LookAtProcessors asks the system.
func LookAtProcessors() Processors {
	times, err := cpu.Times(false)
	if err != nil || len(times) == 0 {
		return Processors{At: Now()}
	}
	idle := times[0].Idle + times[0].Iowait
	return Processors{At: Now(), Idle: time.Duration(idle * float64(time.Second)), ok: true}
}

// IdleShare is the share of the machine's time since before that was idle; ok is false
// where that is not known.
func (p Processors) IdleShare(before Processors) (share float64, ok bool) {
	if !p.ok || !before.ok || p.At-before.At < 200*time.Millisecond { // the kernel counts in 10 ms
		return 0, false
	}
	return (p.Idle - before.Idle).Seconds() / ((p.At - before.At).Seconds() * float64(runtime.NumCPU())), true
}
