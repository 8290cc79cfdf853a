package load

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	needs "github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// python runs a program of Python until the test ends, with what it needs to burn CPU time,
// and to wait until it is told to go on.
func python(t *testing.T, text string) (pid int, goOn func()) {
	path, err := exec.LookPath("python3")
	if err != nil {
		needs.Skipf(t, "needs python3 (apt-get install python3)")
	}
	word := filepath.Join(t.TempDir(), "go on")
	cmd := exec.Command(path, "-c", `
import os, sys, time
def told():
    while not os.path.exists(sys.argv[1]): time.sleep(.01)
def burn(seconds):
    while time.process_time() < seconds: pass
def fork(run):
    pid = os.fork()
    if pid == 0:
        run()
        os._exit(0)
    return pid
`+text+`
time.sleep(60)
`, word)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // and its children
		_ = cmd.Wait()
	})
	return cmd.Process.Pid, func() { _ = os.WriteFile(word, nil, 0o600) }
}

// becomes waits until the processes are as they should be, and returns what they use.
func (p *Processes) becomes(t *testing.T, what string, are func(Usage) bool) (u Usage) {
	t.Helper()
	var err error
	testkit.Eventually(t, what, func() bool {
		u, err = p.Usage()
		return err == nil && are(u)
	})
	return u
}

func TestUsageIsThatOfAllDescendants(t *testing.T) {
	pid, _ := python(t, `
def child():
    burn(.2)
    time.sleep(60)
def middle():
    fork(child)
    time.sleep(60)
shared = b"x" * (40 << 20)
fork(middle)
fork(child)
`)
	p, err := NewProcesses(pid)
	if err != nil {
		t.Fatal(err)
	}
	u := p.becomes(t, "two children that have used 200 ms, and one between", func(u Usage) bool {
		return u.Processes == 4 && u.CPU >= 400*time.Millisecond
	})
	if u.Threads != 4 || u.Descriptors == nil || *u.Descriptors < 12 || u.CPU > 5*time.Second {
		t.Errorf("%+v; want 4 threads, and 3 descriptors of each", u)
	}
	if !u.PSS || u.Memory < 40<<20 || u.Memory > 100<<20 || u.RSS < 160<<20 || u.Peak < u.RSS {
		t.Errorf("memory %d, RSS %d, at most %d: 40 MiB are shared by four processes, and count once", u.Memory, u.RSS, u.Peak)
	}
}

// Whether a look has seen them or not, what ended children have used is counted, and once.
func TestChildrenThatEndAreNotLost(t *testing.T) {
	for name, text := range map[string]string{
		"waited for": `
def child():
    burn(.3)
    told()
os.waitpid(fork(child), 0)`,
		"not waited for": `
def child():
    burn(.3)
    told()
fork(child)
`,
		"taken care of by the system": `
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def child():
    burn(.3)
    told()
fork(child)`,
	} {
		t.Run(name, func(t *testing.T) {
			pid, goOn := python(t, text)
			p, err := NewProcesses(pid)
			if err != nil {
				t.Fatal(err)
			}
			before := p.becomes(t, "a child that has used 300 ms", func(u Usage) bool { return u.Processes == 2 && u.CPU > 300*time.Millisecond })
			goOn()
			after := p.becomes(t, "its end", func(u Usage) bool { return u.Processes == 1 })
			if after.CPU < before.CPU || after.CPU > before.CPU+200*time.Millisecond {
				t.Errorf("CPU %v, and after the child's end %v", before.CPU, after.CPU)
			}
		})
	}
}

func TestChildrenThatNoLookHasSeenAreNotLost(t *testing.T) {
	pid, goOn := python(t, `
told()
for _ in range(3): os.waitpid(fork(lambda: burn(.1)), 0)
`)
	p, err := NewProcesses(pid)
	if err != nil {
		t.Fatal(err)
	}
	before, err := p.Usage()
	if err != nil {
		t.Fatal(err)
	}
	goOn()
	testkit.Eventually(t, "300 ms of children that have ended", func() bool {
		o, err := lookAt(pid)
		return err == nil && o.waited >= 280*time.Millisecond
	})
	if after, err := p.Usage(); err != nil || after.CPU-before.CPU < 270*time.Millisecond {
		t.Errorf("CPU %v, then %v, %v; want 300 ms more", before.CPU, after.CPU, err)
	}
}

// A child whose parent has ended is still one of the server's.
func TestOrphansAreStillSeen(t *testing.T) {
	pid, goOn := python(t, `
def child():
    time.sleep(60)
def middle():
    fork(child)
    told()
os.waitpid(fork(middle), 0)
`)
	p, err := NewProcesses(pid)
	if err != nil {
		t.Fatal(err)
	}
	p.becomes(t, "three processes", func(u Usage) bool { return u.Processes == 3 })
	goOn()
	p.becomes(t, "the end of the one between", func(u Usage) bool { return u.Processes == 2 })
}

func TestUsageOfNginxIsThatOfItsWorkers(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		needs.Skipf(t, "needs nginx (apt-get install nginx)")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf("daemon off; pid %s/pid; worker_processes 2; error_log stderr; events {}\nhttp { access_log off; server { listen unix:%s/socket; } }", dir, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-c", conf, "-p", dir, "-e", "stderr")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	p, err := NewProcesses(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	u := p.becomes(t, "a master and two workers", func(u Usage) bool { return u.Processes == 3 })
	if !u.PSS || u.Memory == 0 || u.Memory >= u.RSS || u.Threads != 3 || u.Descriptors == nil {
		t.Errorf("%+v; want three threads, and memory of which the workers share a part", u)
	}
}
