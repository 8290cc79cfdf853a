package header

import (
	"slices"
	"testing"
)

// The requests are what these clients send, less what says nothing of them.
func TestIsEventSource(t *testing.T) {
	const accept, noCache = "Accept: text/event-stream", "Cache-Control: no-cache"
	tests := []struct {
		client string
		lines  []string
		want   bool
	}{
		{"EventSource of Chromium and Firefox", []string{"Pragma: no-cache", noCache, "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", accept, "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, true},
		{"the same over HTTP/2 and a proxy", []string{"cache-control: no-cache", "accept: text/event-stream", "user-agent: Mozilla/5.0"}, true},
		{"eventsource 4", []string{accept, "user-agent: node", "pragma: no-cache", "cache-control: no-cache"}, true},
		{"eventsource 2, launchdarkly-eventsource", []string{noCache, accept}, true},
		{"fetch-event-source", []string{accept, "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"}, false},
		{"Datastar", []string{"Accept: text/event-stream, text/html, application/json", "Datastar-Request: true"}, false},
		{"Datastar, developer tools have the cache disabled", []string{"Accept: text/event-stream, text/html, application/json", "Datastar-Request: true", "Pragma: no-cache", noCache}, false},
		{"r3labs, launchdarkly's Go client", []string{accept, noCache, "User-Agent: Go-http-client/1.1"}, false},
		{"the same over HTTP/2", []string{accept, noCache, "User-Agent: Go-http-client/2.0"}, false},
		{"curl", []string{"User-Agent: curl/8.5.0", "Accept: */*"}, false},
		{"no header", nil, false},
	}
	for _, tt := range tests {
		for _, normalize := range []bool{true, false} {
			h := read(t, normalize, slices.Concat([]string{"Host: h"}, tt.lines)...)
			if got := IsEventSource(h); got != tt.want {
				t.Errorf("%s (normalized %v): %v, want %v", tt.client, normalize, got, tt.want)
			}
		}
	}
}

func BenchmarkIsEventSource(b *testing.B) {
	h := read(b, true, "Host: example.org", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/event-stream", "Accept-Language: en",
		"Accept-Encoding: gzip, br", "Cache-Control: no-cache", "Cookie: a=b; session=0123456789abcdef", "Sec-Fetch-Mode: cors")
	b.ReportAllocs()
	for b.Loop() {
		IsEventSource(h)
	}
}
