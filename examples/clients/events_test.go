package clients

import (
	"fmt"
	"strings"

	"github.com/fastsse/fastsse/streamwriter"
)

// The script goes by the numbers of events.
const (
	total     = 1000 // events before the acts that follow
	resetAt   = 250  // the connection is reset after this event
	kickAt    = 500  // the hub ends the stream after this event
	tornAt    = 713  // the connection is reset within this event
	resetAt2  = 850  // as at 250
	afterHour = 1001 // published while the client is told to come back later
	afterPort = 1002 // published while the port is closed
	afterEra  = 1003 // published by the hub that took the place of the first
)

// large is the size of an event that is nearly as large as the default MaxEventBytes.
const large = 64000

// event is number n of the feed, and the kind of data that it is.
func event(n int) (e streamwriter.Event, kind string) {
	kind, data := sample(n)
	e.Data = []byte(data)
	switch kind {
	case "type":
		e.Type = "goal"
	case "second type":
		e.Type = "card:yellow"
	case "own id":
		e.ID = fmt.Sprintf("own-%d+/=;,%%2F", n)
	}
	return e, kind
}

// sample is the data of event n. Where the script breaks a connection, mark is in it.
func sample(n int) (kind, data string) {
	switch n {
	case resetAt, resetAt2:
		return "plain", mark(n)
	case tornAt, 333, 666:
		return "63 KiB", mark(n) + strings.Repeat("x", large-len(mark(n)))
	case kickAt, total, afterHour, afterPort, afterEra:
		return "plain", fmt.Sprint("#", n)
	}
	s := samples[n%len(samples)]
	return s.kind, strings.ReplaceAll(s.data, "#", fmt.Sprint("#", n))
}

// mark is what a tear looks for.
func mark(n int) string { return fmt.Sprintf("mark-%d;", n) }

// samples are the kinds of data. # is the number.
var samples = []struct{ kind, data string }{
	{"plain", "#"},
	{"lines", "# first\nsecond\n\nfourth"},
	{"newlines around", "\n\n#\n\n"},
	{"CR", "# a\rb\r\nc\r"},
	{"unicode", "# ✓ 日本語 🎉 a\u2028b\u2029c\u0085d"},
	{"empty", ""},
	{"BOM", "\ufeff# \ufeff"},
	{"NUL", "# a\x00b"},
	{"blank", "   "},
	{"4 KB", "# " + strings.Repeat("4", 4096)},
	{"fields", "data: #\nid: 7\nevent: x\nretry: 1\n: comment"},
	{"colons and spaces", " : #: : "},
	{"type", `{"goal":"#"}`},
	{"second type", `{"card":"#"}`},
	{"own id", `{"own":"#"}`},
	{"plain", `{"json":"#"}`},
}

// seen is what a client should see of data, by the standard.
func seen(data string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
}

// datastarEvent is number n as an event that Datastar hands out: of a type that is its own.
func datastarEvent(n int) streamwriter.Event {
	data := fmt.Sprint("is ", n)
	switch kind, filler := sample(n); {
	case strings.HasPrefix(filler, "mark-"):
		data += "\nfill " + filler
	case kind == "4 KB":
		data += "\nfill " + filler
	}
	return streamwriter.Event{Type: "datastar-number", Data: []byte(data)}
}
