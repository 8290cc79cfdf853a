package fault

import (
	"strings"
	"testing"
)

// A letter is an event, a dot a comment.
func TestMangle(t *testing.T) {
	for _, c := range []struct {
		faults   Faults
		in, want string
	}{
		{Faults{}, "a.bc.", "a.bc."},
		{Faults{Drop: 3}, "abcdefg", "abdeg"},
		{Faults{Drop: 1}, "a.b.", ".."},
		{Faults{Drop: 2}, "a..b.c.d", "a...c."},
		{Faults{Duplicate: 3}, "abcdefg", "abccdeffg"},
		{Faults{Duplicate: 1}, "a.b", "aa.bb"},
		{Faults{Reorder: 3}, "abcdefgh", "abdcegfh"},
		{Faults{Reorder: 2}, "abcdefg", "acbedgf"},
		{Faults{Reorder: 1}, "abcde", "badce"},
		{Faults{Reorder: 2}, "ab", "ab"},
		{Faults{Reorder: 2}, "ab..c", "a..cb"}, // comments do not wait
		{Faults{Drop: 2, Duplicate: 2}, "abcdefgh", "accegg"},
		{Faults{Duplicate: 2, Reorder: 2}, "abcde", "acbbedd"},
		{Faults{Duplicate: 3, Reorder: 2}, "abcde", "accbed"},
		{Faults{Drop: 3, Duplicate: 2, Reorder: 2}, "abcdef.ghi", "adbb.geehh"},
	} {
		if got := mangled(c.faults, c.in); got != c.want {
			t.Errorf("%v: %q became %q; want %q", c.faults, c.in, got, c.want)
		}
	}
}

// The counts are those of the package's documentation, for any number of events.
func TestMangleCounts(t *testing.T) {
	for total := range 200 {
		for n := 1; n < 10; n++ {
			m := newMangler(Faults{Drop: n, Duplicate: n + 1, Reorder: n + 2})
			feed(&m, strings.Repeat("e", total))
			dropped := total / n
			kept := total - dropped
			duplicated := kept / (n + 1)
			reordered := kept / (n + 2)
			if kept > 0 && kept%(n+2) == 0 {
				reordered--
			}
			if m.dropped != uint64(dropped) || m.duplicated != uint64(duplicated) || m.reordered != uint64(reordered) || m.sent != uint64(kept) {
				t.Errorf("%d events, n %d: dropped %d, duplicated %d, reordered %d, sent %d; want %d, %d, %d, %d", total, n,
					m.dropped, m.duplicated, m.reordered, m.sent, dropped, duplicated, reordered, kept)
			}
		}
	}
}

// Events are numbered as they are sent, and a copy has its event's number.
func TestMangleNumbers(t *testing.T) {
	m := newMangler(Faults{Duplicate: 2, Reorder: 2})
	var numbers []uint64
	for _, b := range feed(&m, "ab.c") {
		numbers = append(numbers, b.n)
	}
	want := []uint64{1, 0, 2, 3, 3} // a . c b b
	if len(numbers) != len(want) {
		t.Fatalf("numbers %v; want %v", numbers, want)
	}
	for i := range want {
		if numbers[i] != want[i] {
			t.Fatalf("numbers %v; want %v", numbers, want)
		}
	}
}

// mangled is what the mangler makes of a stream of letters.
func mangled(f Faults, in string) string {
	m := newMangler(f)
	var out strings.Builder
	for _, b := range feed(&m, in) {
		out.Write(b.bytes)
	}
	return out.String()
}

// feed gives a mangler events and comments, and then the end.
func feed(m *mangler, in string) (out []block) {
	for _, r := range in {
		out = m.take(out, block{bytes: []byte(string(r)), event: r != '.'})
	}
	return m.release(out)
}
