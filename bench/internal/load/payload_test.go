package load

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPayloadComesBack(t *testing.T) {
	for _, size := range []int{0, 60, 1000} {
		b := AppendPayload([]byte("before"), 3, 12345, 678*time.Millisecond, size)[len("before"):]
		if len(b) < size {
			t.Errorf("a payload of %d bytes, want %d", len(b), size)
		}
		want := stamp{3, 12345, 678 * time.Millisecond}
		for _, data := range []string{string(b), `{"data":"` + string(b) + `"}`, "bench of others " + string(b)} {
			if s, ok := readStamp([]byte(data)); !ok || s != want {
				t.Errorf("of %q: %+v, %v; want %+v", data, s, ok, want)
			}
		}
	}
}

func TestOthersPayloadsAreNotOurs(t *testing.T) {
	ours := string(marker)
	if _, ok := readStamp([]byte(ours + summed("0 1 5 "))); !ok {
		t.Error("a payload of ours was not known")
	}
	for _, data := range []string{
		"", "something else", "bench 00000000 " + summed("0 1 5 "), ours, ours + "0 1 ", ours + "0 1 5", ours + "0 1 5 ",
		ours + summed("0 0 5 "), ours + summed("0 x 5 "), ours + summed(" 1 5 "), ours + summed("0 1 5"),
		ours + summed("18446744073709551615 1 5 "), ours + summed("0 1234567890123456789 5 "), // no integer of ours
		ours + strings.Replace(summed("0 1 5 "), "1", "2", 1), ours + strings.TrimSpace(summed("0 1 5 ")), // not as it was sent
	} {
		if s, ok := readStamp([]byte(data)); ok {
			t.Errorf("%q was taken for %+v", data, s)
		}
	}
}

// summed are numbers with what says that they are as they were sent.
func summed(numbers string) string { return fmt.Sprint(numbers, sum([]byte(numbers)), " ") }

// Events of lanes that are not published here count as somebody else's.
func TestEventsOfOtherLanesAreOthers(t *testing.T) {
	s := &Swarm{total: newInterval(), spreads: []*spread{newSpread(1)}}
	m := newMeter(s)
	for _, lane := range []int{1, 1 << 40} {
		body := fmt.Appendf(nil, "data: %s\n\n", AppendPayload(nil, lane, 1, 0, 0))
		if err := m.reads(&stream{meter: m}, body, 0); err != nil {
			t.Fatal(err)
		}
	}
	if m.now.Other != 2 || m.delivered != 0 {
		t.Errorf("%d others' and %d delivered, want 2 and 0", m.now.Other, m.delivered)
	}
}
