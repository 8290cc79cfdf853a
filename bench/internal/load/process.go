package load

import (
	"fmt"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// Process is the server under load, seen from outside. It may be used by several
// goroutines at once.
type Process struct {
	mu sync.Mutex // guards p, which keeps what it has read
	p  *process.Process
}

// Usage is what a process has used up to a moment.
type Usage struct {
	CPU         time.Duration
	RSS         uint64 // bytes at that moment
	Threads     int32
	Descriptors int32
}

// NewProcess finds the process with this pid.
func NewProcess(pid int) (*Process, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w; give the pid of the server with -pid", pid, err)
	}
	return &Process{p: p}, nil
}

// Usage reads the process's figures. CPU has the kernel's resolution of 10 ms.
func (p *Process) Usage() (Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	times, err := p.p.Times()
	if err != nil {
		return Usage{}, fmt.Errorf("read CPU time of process %d: %w", p.p.Pid, err)
	}
	mem, err := p.p.MemoryInfo()
	if err != nil {
		return Usage{}, fmt.Errorf("read memory of process %d: %w", p.p.Pid, err)
	}
	threads, _ := p.p.NumThreads() // zero where it cannot be read
	fds, _ := p.p.NumFDs()
	return Usage{
		CPU:         time.Duration((times.User + times.System) * float64(time.Second)),
		RSS:         mem.RSS,
		Threads:     threads,
		Descriptors: fds,
	}, nil
}
