package load

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestForeignTimesAreFound(t *testing.T) {
	at := epoch.Add(90 * time.Second)
	ns := at.UnixNano()
	for _, c := range []struct {
		pattern, path, data string
		unit                time.Duration
	}{
		{`"t":(\d+)`, "", fmt.Sprintf(`{"t":%d}`, ns), time.Nanosecond},
		{`"t":(\d+)`, "", fmt.Sprintf(`{"t":%d}`, ns/1e3), time.Microsecond},
		{`"t":(\d+)`, "", fmt.Sprintf(`{"t":%d}`, ns/1e6), time.Millisecond},
		{`"t":(\d+)`, "", fmt.Sprintf(`{"t":%d}`, ns/1e9), time.Second},
		{`t=(\S+)`, "", fmt.Sprintf("t=%d.%06d x", ns/1e9, ns%1e9/1e3), time.Microsecond},
		{`at (\S+) `, "", "at " + at.Format(time.RFC3339Nano) + " x", time.Nanosecond},
		{`at (\S+) `, "", "at " + at.UTC().Format(time.RFC3339) + " x", time.Second},
		{"", "t", fmt.Sprintf(`{"t":%d}`, ns/1e6), time.Millisecond},
		{"", "meta.sent_at", fmt.Sprintf(`{"meta":{"x":1,"sent_at":"%d"}}`, ns/1e3), time.Microsecond},
		{"", "$.meta.sent_at", fmt.Sprintf(`{"meta": {"sent_at": %q}, "t": 7}`, at.Format(time.RFC3339Nano)), time.Nanosecond},
		{"", ".t", fmt.Sprintf(`{"t": %d.5}`, ns/1e6), time.Millisecond},
	} {
		f, err := NewForeign(c.pattern, c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := f.find([]byte(c.data))
		// Less than a unit is cut off, and a float of today has steps of a quarter of a µs.
		if want := 90 * time.Second; !ok || (got-want).Abs() > c.unit+time.Microsecond {
			t.Errorf("%q%q in %s: %v, %v; want %v to the %v", c.pattern, c.path, c.data, got, ok, want, c.unit)
		}
	}
}

func TestForeignEventsWithoutATime(t *testing.T) {
	now := fmt.Sprint(time.Now().UnixMilli())
	for _, c := range []struct{ pattern, path, data string }{
		{"", "", now},
		{`t=(\d+)`, "", "x=" + now},
		{`t=(\d+)|x`, "", "x"},
		{`t=(.*)`, "", "t=soon"}, {`t=(.*)`, "", "t=NaN"}, {`t=(.*)`, "", "t=+Inf"}, {`t=(.*)`, "", "t=-" + now}, {`t=(.*)`, "", "t=12"},
		{"", "t", now}, {"", "t", "null"}, {"", "t", "[]"}, {"", "t", `{"t":null}`}, {"", "t", `{"T":1}`}, {"", "t", `{"t":{"u":1}}`}, {"", "t.u", `{"t":` + now + `}`},
		{"", "t", `{"t":` + now}, {"", "t", ""},
	} {
		f, err := NewForeign(c.pattern, c.path)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := f.find([]byte(c.data)); ok {
			t.Errorf("%q%q found %v in %s", c.pattern, c.path, at, c.data)
		}
	}
	if at, ok := new(Foreign).find([]byte(now)); ok {
		t.Errorf("the zero value found %v", at)
	}
}

func TestForeignPatternsThatCannotWork(t *testing.T) {
	for _, c := range []struct{ pattern, path, says string }{
		{`t=(\d+`, "", "missing closing )"},
		{`t=\d+`, "", "it has no group; put the time in one"},
		{`t=(\d+)`, "t", "give one"},
	} {
		if _, err := NewForeign(c.pattern, c.path); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), strconv.Quote(c.pattern)) {
			t.Errorf("%q and %q: the error is %v, want %q", c.pattern, c.path, err, c.says)
		}
	}
}

func TestForeignEventsAreCounted(t *testing.T) {
	f, err := NewForeign("", "t")
	if err != nil {
		t.Fatal(err)
	}
	s := &Swarm{foreign: f, total: newInterval()}
	m := newMeter(s)
	s.meters = []*meter{m}
	now := epoch.Add(5 * time.Second)
	body := fmt.Appendf(nil, "data: {\"t\":%d}\n\ndata: {}\n\ndata: {\"t\":%d}\n\n", now.Add(-2*time.Second).UnixNano(), now.Add(time.Hour).UnixNano())
	if err := m.reads(&stream{meter: m}, body, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	got := total(s)
	l := got.Lanes[0]
	if l.Delivered != 2 || got.Other != 1 || m.delivered != 2 {
		t.Errorf("%d delivered and %d others', want 2 and 1", l.Delivered, got.Other)
	}
	if most := time.Duration(l.Latency.Max()) * time.Microsecond; most < 1990*time.Millisecond || most > 2010*time.Millisecond {
		t.Errorf("the latency is %v, want 2 s", most)
	}
	if least := l.Latency.Min(); least > 1 { // a clock that is ahead
		t.Errorf("the least latency is %d µs, want 1", least)
	}
}
