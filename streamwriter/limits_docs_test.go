package streamwriter

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

var limitsRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([0-9]+ s) \\|")

// docs/limits.md gives the defaults of Options as they are.
func TestDefaultsAreDocumentedAsTheyAre(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## Bounds of one stream")
	defaults := reflect.ValueOf(Options{}.withDefaults())
	rows := limitsRow.FindAllStringSubmatch(text, -1)
	if len(rows) < 4 {
		t.Errorf("found %d rows of options; want 4 or more", len(rows))
	}
	for _, row := range rows {
		got, err := time.ParseDuration(strings.ReplaceAll(row[2], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if field := defaults.FieldByName(row[1]); !field.IsValid() || field.Int() != int64(got) {
			t.Errorf("docs/limits.md says that %s is %v by default; it is %v", row[1], got, field)
		}
	}
}
