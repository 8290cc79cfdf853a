package backplanetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server/backplane"
)

// memoryFeed is a new feed in memory, whose handles have faults.
func memoryFeed(f Faults) *Feed { return feedOf(NewMemory(), f) }

func feedOf(m *Memory, f Faults) *Feed {
	return &Feed{
		Open: func(testing.TB) backplane.Backplane {
			h := m.Open()
			h.Set(f)
			return h
		},
		Kill: func() { m.Set(Faults{Unreachable: true}) },
		Start: func() {
			time.Sleep(20 * time.Millisecond) // a broker takes a while
			m.Set(Faults{})
		},
		Stall:  func() { m.Set(Faults{Stalled: true}) },
		Wake:   func() { m.Set(Faults{}) },
		Remake: m.Remake,
		Purge:  func() { m.Drop(0) },
	}
}

func TestMemoryKeepsTheContract(t *testing.T) {
	Run(t, func(testing.TB) *Feed { return memoryFeed(Faults{}) })
}

func TestHolesAreWithinTheContract(t *testing.T) {
	Run(t, func(testing.TB) *Feed { return memoryFeed(Faults{Holes: 2}) })
}

func TestFaultsOfOneHandleLeaveTheOthersAlone(t *testing.T) {
	m := NewMemory()
	cut, whole := m.Open(), m.Open()
	tails := []*tail{startTail(t, cut, 0), startTail(t, whole, 0)}
	cut.Set(Faults{Unreachable: true})
	if err := tails[0].ends(t, soon); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Tail of the handle that is cut off returned %v", err)
	}
	if _, err := cut.Append(context.Background(), "", nil); !errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append of the handle that is cut off returned %v, want ErrRefused", err)
	}
	tails[1].wants(t, mustAppendMany(t, whole, 3))
	cut.Set(Faults{})
	mustAppendMany(t, cut, 3)
}

func TestFaultsOfAppend(t *testing.T) {
	m := NewMemory()
	b := m.Open()
	m.Set(Faults{Refuse: true})
	if _, err := b.Append(context.Background(), "", []byte("refused")); !errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append returned %v, want ErrRefused", err)
	}
	m.Set(Faults{LoseAcks: true})
	if _, err := b.Append(context.Background(), "", []byte("stored")); err == nil || errors.Is(err, backplane.ErrRefused) {
		t.Errorf("Append whose answer is lost returned %v", err)
	}
	m.Set(Faults{})
	stored(t, b, entry{1, "stored"})
}

func TestDropKeepsTheNewest(t *testing.T) {
	m := NewMemory()
	all := mustAppendMany(t, m.Open(), 5)
	m.Drop(2)
	stored(t, m.Open(), all[3:]...)
	if s := mustState(t, m.Open()); s.First != 4 || s.Last != 5 {
		t.Errorf("State is %+v, want First 4 and Last 5", s)
	}
}
