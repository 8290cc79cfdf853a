package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func lookAt(pid int) (*process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // after the name, which may have spaces
	f := strings.Fields(string(rest))
	if len(f) < 20 {
		return nil, fmt.Errorf("read %s/stat: %q", dir, stat)
	}
	number := func(i int) (n uint64) {
		n, _ = strconv.ParseUint(f[i], 10, 64)
		return n
	}
	o := &process{began: number(19), over: f[0] == "Z" || f[0] == "X", threads: int(number(17))}
	o.waited = time.Duration(number(13)+number(14)) * tick
	if o.cpu, err = cpuOf(pid); err != nil {
		o.cpu = time.Duration(number(11)+number(12)) * tick
	}
	status, _ := os.ReadFile(dir + "/status")
	o.rss, o.peak = kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:")
	if fds, err := os.Open(dir + "/fd"); err == nil { // that of another user cannot be read
		o.descriptors = entries(fds)
		fds.Close()
	}
	o.children = childrenOf(dir)
	return o, nil
}

// tick is the unit of times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time of a process, to the nanosecond. Its clock is that of
// clock_getcpuclockid(3).
func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|2), &t)
	return time.Duration(t.Nano()), err
}

// kilobytes finds a figure of /proc/PID/status, in bytes.
func kilobytes(status []byte, name string) uint64 {
	_, rest, _ := bytes.Cut(status, []byte(name))
	rest, _, _ = bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	n, _ := strconv.ParseUint(string(rest), 10, 64)
	return n << 10
}

// entries is how many entries /proc/PID/fd has. Linux tells since 6.2; before they have to
// be counted.
func entries(fds *os.File) *int {
	if info, err := fds.Stat(); err == nil && info.Size() > 0 {
		return new(int(info.Size()))
	}
	if _, err := fds.Seek(0, 0); err != nil {
		return nil
	}
	names, err := fds.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return new(len(names))
}

func childrenOf(dir string) (pids []int) {
	lists, _ := filepath.Glob(dir + "/task/*/children") // a list of each thread
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// proportional is the memory of processes in which a page that several share counts once; ok
// is false if it cannot be read of all.
func proportional(pids []int) (pss uint64, ok bool) {
	for _, pid := range pids {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, false
		}
		pss += kilobytes(rollup, "\nPss:")
	}
	return pss, true
}

// lookAtSelf opens what a process needs to look at itself when it can open nothing any more:
// look returns its CPU time, and how many descriptors it has open; nil: not known.
func lookAtSelf() (look func() (cpu time.Duration, descriptors *int), end func() error) {
	fds, err := os.Open("/proc/self/fd")
	return func() (cpu time.Duration, descriptors *int) {
		cpu, _ = cpuOf(os.Getpid())
		if err == nil {
			descriptors = entries(fds)
		}
		return cpu, descriptors
	}, fds.Close
}
