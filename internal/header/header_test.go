package header

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// read reads a request as fasthttp's server does.
func read(t testing.TB, normalize bool, lines ...string) *fasthttp.RequestHeader {
	t.Helper()
	var h fasthttp.RequestHeader
	if !normalize {
		h.DisableNormalizing()
	}
	raw := "GET / HTTP/1.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	if err := h.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		t.Fatal(err)
	}
	return &h
}

func TestPeekFindsANameInAnyCase(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"as it is specified", []string{"Host: h", "Last-Event-ID: x"}, "x"},
		{"as HTTP/2 has it", []string{"host: h", "last-event-id: x"}, "x"},
		{"as fasthttp has it", []string{"Host: h", "Last-Event-Id: x"}, "x"},
		{"in capitals", []string{"HOST: h", "LAST-EVENT-ID: x"}, "x"},
		{"without a host", []string{"last-event-id: x"}, "x"},
		{"behind cookies", []string{"Host: h", "cookie: a=b; c=d", "last-event-id: x"}, "x"},
		{"not there", []string{"Host: h", "User-Agent: u", "last-event-id2: x", "last-event-i: x"}, ""},
	}
	for _, tt := range tests {
		for _, normalize := range []bool{true, false} {
			h := read(t, normalize, tt.lines...)
			if got := string(Peek(h, "Last-Event-ID")); got != tt.want {
				t.Errorf("%s (normalized %v): %q, want %q", tt.name, normalize, got, tt.want)
			}
		}
	}
}

// What middleware has taken out of a request stays out.
func TestPeekDoesNotFindWhatWasDeleted(t *testing.T) {
	for _, normalize := range []bool{true, false} {
		h := read(t, normalize, "Host: h", "Authorization: x")
		h.Del("Authorization")
		if got := Peek(h, "Authorization"); len(got) > 0 {
			t.Errorf("normalized %v: %q", normalize, got)
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	lines := []string{
		"Host: example.org", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/event-stream", "Accept-Language: en",
		"Accept-Encoding: gzip, br", "Cache-Control: no-cache", "Cookie: a=b; session=0123456789abcdef", "Sec-Fetch-Mode: cors",
	}
	for name, normalize := range map[string]bool{"usual": true, "not normalized": false} {
		b.Run(name, func(b *testing.B) {
			h := read(b, normalize, lines...)
			b.ReportAllocs()
			for b.Loop() {
				Peek(h, "Last-Event-ID")
			}
		})
	}
}
