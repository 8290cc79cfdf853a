package fault

import (
	"testing"
	"time"
)

func TestSwapWaitsASecond(t *testing.T) {
	p := newPipeline(Faults{Reorder: 1})
	p.take(10*ms, event("a"))
	if at, ok := p.wake(); at != 1010*ms || !ok {
		t.Errorf("wakes at %v, %v; want 1.01s", at, ok)
	}
	if got := p.next(1009 * ms); len(got) > 0 {
		t.Errorf("sent %q before its second was over", got)
	}
	if got := p.next(1010 * ms); string(got) != "a" {
		t.Errorf("sent %q; want a, in its place", got)
	}
	p.take(2000*ms, event("b"))
	p.take(2001*ms, event("c"))
	if got := string(p.next(2001*ms)) + string(p.next(2001*ms)); got != "cb" {
		t.Errorf("sent %q; want cb", got)
	}
	if p.mangler.reordered != 1 {
		t.Errorf("%d swaps; want 1: the first was none", p.mangler.reordered)
	}
}

// The delay of an event begins when its swap is over.
func TestDelayAfterSwap(t *testing.T) {
	p := newPipeline(Faults{Reorder: 2, Delay: 100 * ms})
	for i, s := range []string{"a", "b", "c"} {
		p.take(time.Duration(i)*10*ms, event(s))
	}
	if at, _ := p.wake(); at != 100*ms || string(p.next(at)) != "a" {
		t.Errorf("a is due at %v; want 100ms", at)
	}
	if at, _ := p.wake(); at != 120*ms || string(p.next(at))+string(p.next(at)) != "cb" {
		t.Errorf("cb is due at %v; want 120ms", at)
	}
}

func TestPipelineIsDoneWhenAllIsSent(t *testing.T) {
	p := newPipeline(Faults{Reorder: 1, Delay: time.Second})
	p.take(0, event("a"))
	if p.end(10 * ms); p.done() {
		t.Error("done with an event to send")
	}
	if got := p.next(1010 * ms); string(got) != "a" || !p.done() {
		t.Errorf("sent %q, done %v; want a and done", got, p.done())
	}
}

// While an event waits for a swap, a pipeline is still woken for the others.
func TestPipelineWakesForTheFirst(t *testing.T) {
	p := newPipeline(Faults{Reorder: 2, Delay: 5 * time.Second})
	p.take(0, event("a"))
	p.take(0, event("b"))
	if at, ok := p.wake(); at != time.Second || !ok {
		t.Errorf("wakes at %v, %v; want 1s, when b is given up", at, ok)
	}
	p.next(time.Second)
	if at, ok := p.wake(); at != 5*time.Second || !ok {
		t.Errorf("wakes at %v, %v; want 5s, when a is due", at, ok)
	}
}

func event(s string) block { return block{bytes: []byte(s), event: true} }
