package server

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var limitsRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([0-9]+) ?(s|min|KiB|MiB|) \\|")

// docs/limits.md gives the defaults of Config, and of a topic, as they are.
func TestDefaultsAreDocumentedAsTheyAre(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## Bounds of a hub")
	text, _, _ = strings.Cut(text, "## Bounds of one stream")
	defaults, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	window := map[string]int64{"Events": defaultWindowEvents, "Bytes": defaultWindowBytes, "Age": int64(defaultWindowAge)}
	rows := limitsRow.FindAllStringSubmatch(text, -1)
	if len(rows) < 15 {
		t.Errorf("found %d rows of settings; want 15 or more", len(rows))
	}
	for _, row := range rows {
		want, ok := window[row[1]]
		if field := reflect.ValueOf(defaults).FieldByName(row[1]); !ok && field.IsValid() {
			want, ok = field.Int(), true
		}
		if got := documentedLimit(t, row[2], row[3]); !ok || got != want {
			t.Errorf("docs/limits.md says that %s is %s %s by default (%d); it is %d (a setting: %v)", row[1], row[2], row[3], got, want, ok)
		}
	}
}

func documentedLimit(t *testing.T, number, unit string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]int64{"": 1, "s": int64(time.Second), "min": int64(time.Minute), "KiB": 1 << 10, "MiB": 1 << 20}
	return n * units[unit]
}
