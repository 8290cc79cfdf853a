package screen

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsLinesWhereThereIsNoTerminal(t *testing.T) {
	var out strings.Builder
	p := New(&out, 10_000, 40*time.Second)
	p.Note("hello")
	p.Sample(second(1))
	p.Done()
	p.Done()
	p.Sample(second(2))
	p.Note("late")
	if got := out.String(); !strings.HasPrefix(got, "hello\n   1.0 s  open") || strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
}

func TestProgressOfNothing(t *testing.T) {
	var out strings.Builder
	New(&out, 1, 0).Done()
	if out.Len() > 0 {
		t.Error(out.String())
	}
}

func TestProgressIsForAnyGoroutine(t *testing.T) {
	var out strings.Builder
	p := New(&out, 10_000, 0)
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			p.Sample(second(n))
			p.Note("note")
		})
	}
	all.Wait()
	p.Done()
	if n := strings.Count(out.String(), "note"); n != 20 {
		t.Errorf("%d notes of 20", n)
	}
}

// stuck is a pipe that nobody reads, until it is closed.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

func TestProgressNeverKeepsAMeasurementWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := make(stuck)
		defer close(pipe)
		p := New(pipe, 10_000, 0)
		begin := time.Now()
		for n := range 1000 {
			p.Sample(second(n))
			p.Note("note")
		}
		if waited := time.Since(begin); waited > 0 {
			t.Errorf("waited %v for a pipe", waited)
		}
		p.Done()
		if waited := time.Since(begin); waited != 2*time.Second {
			t.Errorf("Done waited %v", waited)
		}
	})
}

func TestScreenIsForTerminalsThatCanHaveOne(t *testing.T) {
	for _, c := range []struct {
		env, system string
		want        bool
	}{
		{"TERM=xterm", "linux", true}, {"TERM=dumb", "linux", false}, {"", "linux", false}, {"", "windows", true},
		{"TERM=xterm NO_COLOR=1", "linux", false}, {"TERM=xterm CI=true", "linux", false}, {"TERM=xterm NO_COLOR=", "linux", true},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		if got := capable(func(name string) string { return env[name] }, c.system); got != c.want {
			t.Errorf("%s on %s: %v", c.env, c.system, got)
		}
	}
}
