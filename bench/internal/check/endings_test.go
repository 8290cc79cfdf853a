package check

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// Who comes back depends on how the stream ends, and on what is answered then.
func TestWhoComesBack(t *testing.T) {
	t.Parallel()
	end := sendRaw("0\r\n\r\n")
	for _, tt := range []struct {
		name                     string
		end                      func(net.Conn)
		next                     string // the status of the next answer; empty: a stream
		eventSource, fetch, htmx Verdict
		says                     [3]string
	}{
		{"it stays", hold, "", Skipped, Skipped, Skipped, [3]string{"no end was seen", "-for", "restart the server"}},
		{"an end", end, "", OK, Warn, OK, [3]string{"cleanly: EventSource comes back", "do not come back", "htmx 4 after 500 ms"}},
		{"a cut", closeNow, "", OK, OK, OK, [3]string{"without the body's last chunk", "Datastar come back", "htmx 2 comes back as"}},
		{"a reset", resetNow, "", OK, OK, OK, [3]string{"was reset", "Datastar come back", "htmx 2 comes back as"}},
		{"an end, then 204", end, "204 No Content", OK, Warn, Warn, [3]string{"the next request: 204 No Content: EventSource stops for good", "throw at 204", "sse-close"}},
		{"a cut, then 503", closeNow, "503 Busy", Fail, Warn, Warn, [3]string{"the next request: 503 Busy: EventSource closes for good", "tries again", "without Last-Event-ID"}},
		{"an end, then 401", end, "401 Unauthorized", Fail, Warn, Warn, [3]string{"401 Unauthorized: EventSource closes for good", "onopen", "htmx 4 tries again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := serveWire(t, func(c net.Conn, r *http.Request) {
				f := wireFault{body: opening + "id: 7\ndata: x\n\n", then: tt.end}
				if r.Header.Get("Last-Event-ID") == "7" && tt.next != "" {
					f = wireFault{head: tt.next}
				}
				f.serve(c, r)
			})
			p := defaultPace
			p.head, p.back, p.grace = 500*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
			r := look(t, Config{URL: url, For: 300 * time.Millisecond, pace: p})
			expect(t, r, "endings/eventsource", tt.eventSource, tt.says[0])
			expect(t, r, "endings/fetch", tt.fetch, tt.says[1])
			expect(t, r, "endings/htmx", tt.htmx, tt.says[2])
		})
	}
}

// A server may end the streams of clients that use fetch in another way: these send no
// Cache-Control.
func TestEndingOfFetchIsSeenByItself(t *testing.T) {
	t.Parallel()
	url := serveWire(t, func(c net.Conn, r *http.Request) {
		f := wireFault{body: opening, then: closeNow}
		if r.Header.Get("Cache-Control") == "no-cache" {
			f.then = sendRaw("0\r\n\r\n")
		}
		f.serve(c, r)
	})
	p := defaultPace
	p.back = 50 * time.Millisecond
	r := look(t, Config{URL: url, pace: p})
	expect(t, r, "endings/eventsource", OK, "cleanly")
	expect(t, r, "endings/fetch", OK, "come back")
}

func TestEndingsOfNoStream(t *testing.T) {
	t.Parallel()
	gone := look(t, Config{URL: serveWire(t, wireFault{head: "204 No Content"}.serve)})
	expect(t, gone, "endings/eventsource", OK, "204: EventSource stops")
	expect(t, gone, "endings/fetch", Warn, "fetch-event-source takes 204 for an error")
	expect(t, gone, "endings/htmx", Warn, "does not stop at 204")
	refused := look(t, Config{URL: serveWire(t, wireFault{head: "404 Not Found"}.serve)})
	expect(t, refused, "endings/fetch", Skipped, "no stream was opened")
	posted := look(t, Config{URL: serveWire(t, wireFault{body: opening, then: closeNow}.serve), Method: "POST"})
	expect(t, posted, "endings/eventsource", Skipped, "send GET")
}
