//go:build !linux

package load

import (
	"os"
	"time"

	system "github.com/shirou/gopsutil/v4/process"
)

// lookAt reads a process's figures. The time of children that have ended is not known.
func lookAt(pid int) (*process, error) {
	p, err := system.NewProcess(int32(pid))
	if err != nil {
		return nil, err
	}
	times, err := p.Times()
	if err != nil {
		return nil, err
	}
	memory, err := p.MemoryInfo()
	if err != nil {
		return nil, err
	}
	began, _ := p.CreateTime()
	threads, _ := p.NumThreads()
	o := &process{
		began: uint64(began), threads: int(threads), rss: memory.RSS, peak: memory.RSS,
		cpu: time.Duration((times.User + times.System) * float64(time.Second)),
	}
	if fds, err := p.NumFDs(); err == nil {
		o.descriptors = new(int(fds))
	}
	children, _ := p.Children()
	for _, c := range children {
		o.children = append(o.children, int(c.Pid))
	}
	return o, nil
}

// proportional is not known.
func proportional([]int) (pss uint64, ok bool) { return 0, false }

// lookAtSelf looks at this process as at others.
func lookAtSelf() (look func() (cpu time.Duration, descriptors *int), end func() error) {
	return func() (time.Duration, *int) {
		o, err := lookAt(os.Getpid())
		if err != nil {
			return 0, nil
		}
		return o.cpu, o.descriptors
	}, func() error { return nil }
}
