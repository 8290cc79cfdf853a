package load

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Processes are the server under load, seen from outside: processes, and all that descend
// from them. They may be used by several goroutines at once.
type Processes struct {
	mu     sync.Mutex // guards what follows
	roots  []int
	known  map[int]*process // by pid: those that were there at the last look; nil: there was none
	ended  time.Duration    // CPU of those that have ended, as far as a look has seen it
	unseen time.Duration    // CPU of those that have ended, and no look has seen
}

// process is what a look finds of one process.
type process struct {
	began       uint64        // tells it from a later process with its pid
	over        bool          // it has ended, and nobody has waited for it yet
	cpu         time.Duration // of all its threads, also of those that have ended
	waited      time.Duration // CPU of children that have ended and were waited for…
	before      time.Duration // …of these, until the first look at all
	rss, peak   uint64        // bytes
	threads     int
	descriptors *int  // nil: not known
	children    []int // pids
}

// Usage is what processes have used up to a moment.
type Usage struct {
	CPU         time.Duration // also of those that have ended
	Processes   int           // at that moment, as all below
	RSS, Peak   uint64        // bytes, and the most that it was before
	Memory      uint64        // bytes: RSS or, of several processes that may share some, PSS…
	PSS         bool          // …where that can be read
	Threads     int
	Descriptors *int // nil: it cannot be read
}

// NewProcesses finds the processes with these pids. Their descendants are found anew at each
// look.
func NewProcesses(pids ...int) (*Processes, error) {
	for _, pid := range pids {
		if _, err := lookAt(pid); err != nil {
			return nil, fmt.Errorf("look at process %d: %w; give the pid of the server with -pid", pid, err)
		}
	}
	return &Processes{roots: pids}, nil
}

// Usage reads the figures. It fails if none of the processes is there any more.
func (p *Processes) Usage() (Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.find()
	if len(now) == 0 {
		return Usage{}, fmt.Errorf("look at processes %d: they have ended", p.roots)
	}
	for pid, old := range p.known {
		if now[pid] == nil {
			p.ended += old.cpu
		}
	}
	p.known = now
	u := Usage{Processes: len(now), Descriptors: new(int)}
	waited := time.Duration(0)
	for _, o := range now {
		waited += o.waited - o.before
		u.add(o)
	}
	p.unseen = max(p.unseen, waited-p.ended)
	u.CPU += p.ended + p.unseen
	u.Memory = u.RSS
	if len(now) > 1 {
		if pss, ok := proportional(slices.Collect(maps.Keys(now))); ok {
			u.Memory, u.PSS = pss, true
		}
	}
	return u, nil
}

func (u *Usage) add(o *process) {
	u.CPU += o.cpu
	u.RSS += o.rss
	u.Peak += o.peak
	u.Threads += o.threads
	if u.Descriptors == nil || o.descriptors == nil {
		u.Descriptors = nil
		return
	}
	*u.Descriptors += *o.descriptors
}

// find looks at the processes that are there now: those that were at the last look, even if
// their parents have ended since, and all that descend from them.
func (p *Processes) find() map[int]*process {
	left, now := slices.Collect(maps.Keys(p.known)), map[int]*process{}
	if p.known == nil {
		left = slices.Clone(p.roots)
	}
	for len(left) > 0 {
		pid := left[0]
		left = left[1:]
		if now[pid] != nil {
			continue
		}
		o, err := lookAt(pid)
		old := p.known[pid]
		switch {
		case err != nil || old != nil && old.began != o.began:
			continue
		case o.over:
			if old != nil {
				old.cpu = o.cpu
			}
			continue
		case old != nil:
			o.before = old.before
		case p.known == nil:
			o.before = o.waited
		}
		now[pid] = o
		left = append(left, o.children...)
	}
	return now
}
