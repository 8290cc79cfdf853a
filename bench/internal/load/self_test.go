package load

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

func TestSelfSeesItsOwnLag(t *testing.T) {
	leavesNothing(t, func() {
		s := NewSelf()
		defer s.Close()
		testkit.Eventually(t, "some sleeps", func() bool { return s.Lag().TotalCount() >= 5 })
		if c := s.Look(); c.CPU == 0 || c.WorstLag <= 0 || c.Descriptors == nil || *c.Descriptors < 3 {
			t.Errorf("%+v; want CPU time, descriptors and a lag", c)
		}
		s.Forget()
		if n := s.Lag().TotalCount(); n > 2 {
			t.Errorf("%d sleeps after Forget", n)
		}
	})
}

func TestProcessesThatAreNotThere(t *testing.T) {
	_, err := NewProcesses(1 << 30)
	if err == nil || !strings.Contains(err.Error(), "look at process 1073741824") || !strings.Contains(err.Error(), "-pid") {
		t.Errorf("the error is %v", err)
	}
	if _, err := NewProcesses(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestIdleShareOfTheMachine(t *testing.T) {
	before := LookAtProcessors()
	if _, ok := before.IdleShare(before); ok {
		t.Error("an idle share of no time")
	}
	if _, ok := (Processors{At: before.At + time.Second}).IdleShare(before); ok {
		t.Error("an idle share of what could not be read")
	}
	if !before.ok {
		t.Skip("this system does not say")
	}
	after := Processors{At: before.At + 10*time.Second, Idle: before.Idle, ok: true}
	if share, ok := after.IdleShare(before); !ok || share != 0 {
		t.Errorf("an idle share of %v, %v; want 0", share, ok)
	}
}

func TestLimitsAreKnownWhereTheyCanBe(t *testing.T) {
	l := FindLimits()
	if _, err := os.Stat("/proc/sys/net/ipv4"); err == nil && (l.Descriptors < 10 || l.Ports < 100) {
		t.Errorf("%+v; want descriptors and ports", l)
	}
}

func TestProcessesAreLookedAtBySeveral(t *testing.T) {
	p, err := NewProcesses(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if u, err := p.Usage(); err != nil || u.Memory == 0 || u.CPU == 0 {
					t.Errorf("%+v, %v", u, err)
				}
			}
		})
	}
	all.Wait()
}
