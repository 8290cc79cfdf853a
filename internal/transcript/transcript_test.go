package transcript

import (
	"strings"
	"testing"
	"time"
)

func TestQuote(t *testing.T) {
	for line, want := range map[string]string{
		"":                             "",
		"a\r\n":                        `"a\r\n"`,
		"aöb\x00\xff\n":                `"aöb\x00\xff\n"`,
		strings.Repeat("x", 39):        `"` + strings.Repeat("x", 39) + `"`,
		strings.Repeat("x", 40):        `"x"*40`,
		"a" + strings.Repeat("\n", 50): `"a" "\n"*50`,
		"[" + strings.Repeat("{},", 1001) + "{}]\n": `"[" "{},"*1001 "{}]\n"`,
	} {
		if got := quote(line); got != want {
			t.Errorf("%q becomes %s, want %s", line, got, want)
		}
	}
}

// Only what is drawn is replaced, and nothing that the client sends but names.
func TestNormalized(t *testing.T) {
	tr := New(t)
	tr.Replace("abcdefgh", "EPOCH")
	tr.Drawn(4*time.Second, 8*time.Second)
	for _, tt := range []struct{ from, line, want string }{
		{"< ", "id: abcdefgh-7\n", "id: EPOCH-7\n"},
		{"> ", "Last-Event-ID: abcdefgh-7\r\n", "Last-Event-ID: EPOCH-7\r\n"},
		{"< ", "Date: Sat, 21 Nov 2026 00:00:00 GMT\r\n", "Date: DATE\r\n"},
		{"< ", "Date: in data\n", "Date: in data\n"},
		{"< ", "retry: 3999\n", "retry: 3999\n"},
		{"< ", "retry: 4000\n", "retry: RETRY\n"},
		{"< ", "retry: 7999\n", "retry: RETRY\n"},
		{"< ", "retry: 8000\n", "retry: 8000\n"},
		{"< ", "retry: 5000\r\n", "retry: 5000\r\n"},
		{"> ", "retry: 5000\n", "retry: 5000\n"},
	} {
		tr.from = tt.from
		if got := tr.normalized(tt.line); got != tt.want {
			t.Errorf("%s%q becomes %q, want %q", tt.from, tt.line, got, tt.want)
		}
	}
}
