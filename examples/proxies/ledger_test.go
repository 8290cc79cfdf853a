package proxies

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// split cuts what a client got at its gaps. Without a gap that is one part.
func split(got []string) (parts [][]string) {
	parts = [][]string{nil}
	for _, entry := range got {
		if entry == "gap" {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], entry)
	}
	return parts
}

// judge holds what a client got, gaps and numbers, against what the server published in
// each of its lives: one gap between two lives, and of each life everything from the first
// number that it got to the last one of that life, once and in order.
//
// A client that is cut may miss a life's last numbers, which are covered by the gap: over
// HTTP/2 nginx makes a reset of the cut, after which Chromium does not hand out what it
// has not handed out before.
func judge(got []string, lives [][]int, isCut bool) error {
	parts := split(got)
	if len(parts) != len(lives) {
		return fmt.Errorf("%d gaps, want %d: %s", len(parts)-1, len(lives)-1, ranges(got))
	}
	for i, part := range parts {
		var want []string
		for _, n := range lives[i] {
			want = append(want, fmt.Sprint(n))
		}
		if len(part) == 0 {
			return fmt.Errorf("of life %d: nothing; want the end of %s", i, ranges(want))
		}
		begun := max(0, slices.Index(want, part[0]))
		if isCut && i < len(lives)-1 && begun+len(part) <= len(want) {
			want = want[:begun+len(part)]
		}
		if !slices.Equal(part, want[begun:]) {
			return fmt.Errorf("of life %d: %s; want the end of %s", i, ranges(part), ranges(want))
		}
	}
	return nil
}

// ranges shortens "1", "2", "3", "5" to "1-3 5".
func ranges(numbers []string) string {
	var b strings.Builder
	for i := 0; i < len(numbers); {
		from := i
		for i++; i < len(numbers) && follows(numbers[i-1], numbers[i]); i++ {
		}
		b.WriteString(numbers[from])
		if i-from > 1 {
			b.WriteString("-" + numbers[i-1])
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func follows(a, b string) bool {
	n, err := strconv.Atoi(a)
	return err == nil && b == strconv.Itoa(n+1)
}

func TestRanges(t *testing.T) {
	if got := ranges([]string{"1", "2", "3", "5", "5", "7", "8"}); got != "1-3 5 5 7-8" {
		t.Error(got)
	}
}

func TestJudgeFindsWhatIsWrong(t *testing.T) {
	lives := [][]int{{1, 2, 3}, {4, 5, 6}}
	for got, fine := range map[string]bool{
		"1 2 3 gap 4 5 6":       true,
		"2 3 gap 6":             true,
		"1 2 gap 4 5 6":         false, // lost before the restart
		"1 3 gap 4 5 6":         false, // lost in between
		"1 2 2 3 gap 4 5 6":     false, // twice
		"2 1 3 gap 4 5 6":       false,
		"1 2 3 4 5 6":           false, // no gap
		"1 2 3 gap gap 4 5 6":   false,
		"1 2 3 gap 4 5 6 gap":   false,
		"1 2 3 gap 3 4 5 6":     false, // of the life before
		"1 2 3 gap":             false, // not back
		"1 2 3 gap 4 5":         false,
		"1 2 3 gap 4 5 6 7":     false, // never published
		"gap 1 2 3 gap 4 5 6":   false,
		"0 1 2 3 gap 4 5 6":     false,
		"1 2 3 gap 4 5 6 6":     false,
		"1 2 3 gap 1 2 3 4 5 6": false,
	} {
		if err := judge(strings.Fields(got), lives, false); (err == nil) != fine {
			t.Errorf("%s: %v; want that to be fine: %v", got, err, fine)
		}
		cutFine := fine || got == "1 2 gap 4 5 6"
		if err := judge(strings.Fields(got), lives, true); (err == nil) != cutFine {
			t.Errorf("%s, of a client that is cut: %v; want that to be fine: %v", got, err, cutFine)
		}
	}
}
