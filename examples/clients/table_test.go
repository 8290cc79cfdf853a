package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// note says about a client what its user has to know. title is how the table calls it; do is
// what its user has to do; why is the reason for what is not as it should be.
type note struct{ title, do, why string }

var notes = map[string]note{
	"eventsource-2":            {title: "npm eventsource 2"},
	"eventsource-3":            {title: "npm eventsource 3"},
	"eventsource-4":            {title: "npm eventsource 4"},
	"eventsource-5":            {title: "npm eventsource 5"},
	"undici":                   {title: "undici's EventSource"},
	"eventsource-parser":       {title: "npm eventsource-parser, own loop", do: "write the loop: reconnect, `Last-Event-ID`, stop at 204"},
	"eventsource-client":       {title: "npm eventsource-client"},
	"launchdarkly-eventsource": {title: "npm launchdarkly-eventsource"},
	"EventSource-in-Chromium":  {title: "EventSource in Chromium"},
	"EventSource-in-Firefox":   {title: "EventSource in Firefox", why: "it leaves NUL out of data"},
	"fetch-event-source": {title: "fetch-event-source", do: "more: see below",
		why: "it hands out blocks without data, strips newlines and a BOM from the beginning of data, and takes 204 for an error"},
	"fetch-event-source-advised": {title: "fetch-event-source, as below", do: "nothing more",
		why: "it strips newlines and a BOM from the beginning of data; empty data looks like a block without data to it"},
	"htmx-2": {title: "htmx 2 with htmx-ext-sse", do: "end with an event that `sse-close` names",
		why: "it puts a new EventSource, without `Last-Event-ID`, in the place of a closed one"},
	"htmx-4": {title: "htmx 4 with hx-sse", do: "end with an event that `hx-sse:close` names",
		why: "it tries again after every answer"},
	"datastar": {title: "Datastar `@get`", do: "raise `retryMaxCount`; reload the page's state when it opens a stream",
		why: "it hands out events of its own types only, so not a gap"},
	"go-sse": {title: "go-sse", do: "skip events without data",
		why: "it hands out blocks without data, with the id of the event before"},
	"go-sse-advised": {title: "go-sse, as below", do: "nothing more", why: "empty data looks like a block without data to it"},
	"r3labs": {title: "r3labs/sse", do: "more: see below",
		why: "it hands out blocks without data, and what it has of an event when the connection breaks; its waits grow with every end; it tries again after every answer"},
	"r3labs-advised": {title: "r3labs/sse, as below", do: "skip what does not parse; end by its context",
		why: "empty data looks like a block without data to it; it hands out what it has of an event when the connection breaks, and tries again after every answer"},
	"launchdarkly": {title: "launchdarkly/eventsource (Go)", do: "more: see below",
		why: "it hands out blocks without data, and tries again after 204, without waiting longer each time"},
	"launchdarkly-advised": {title: "launchdarkly/eventsource (Go), as below", do: "nothing more", why: "empty data looks like a block without data to it"},
	"ours":                 {title: "fastsse's `client.EventSource`"},
}

const tableFile = "../../docs/clients.md"

// table is the table of docs/clients.md.
func table(known map[string]outcome) string {
	var b strings.Builder
	b.WriteString("| client | version | 1,000 events | altered | events without data | \"later\" | gap | refused | 204 | what its user has to do | why |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range runtimes {
		for _, c := range r.clients {
			o, n := known[c.name], notes[c.name]
			if o.Failed != "" {
				n.why = o.Failed + ": " + n.why
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
				n.title, o.Version, o.Events, o.Altered, o.Empty, o.Later, o.Gap, o.Refused, o.After204, n.do, n.why)
		}
	}
	return b.String()
}

// docs/clients.md shows testdata/outcomes.json, and what the forms of heartbeats do, against
// which every run holds the clients.
func TestTheTablesAreWhatWasFound(t *testing.T) {
	b, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, want := range map[string]string{"clients": table(readOutcomes(t).known), "heartbeats": formTable()} {
		begin, end := "<!-- begin "+name+": make clients writes it -->\n", "<!-- end "+name+" -->\n"
		before, rest, ok := strings.Cut(text, begin)
		old, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no table between %q and %q", tableFile, begin, end)
		}
		if old != want && !*update {
			t.Errorf("%s has another table than was found:\n%s\ngo test ./examples/clients -run Tables -update writes it", tableFile, want)
		}
		text = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(tableFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What is not as it should be has a reason, which is the client's own.
func TestEveryFaultHasItsReason(t *testing.T) {
	known := readOutcomes(t).known
	for _, r := range runtimes {
		for _, c := range r.clients {
			o, ok := known[c.name]
			switch n := notes[c.name]; {
			case !ok:
				t.Errorf("%s has no outcome yet: go test ./examples/clients -all -update", c.name)
			case !o.fine() && n.why == "":
				t.Errorf("%s: %+v; say why in notes", c.name, o)
			case o.fine() && n.why != "":
				t.Errorf("%s is fine; it needs no reason: %s", c.name, n.why)
			}
			delete(known, c.name)
		}
	}
	for name := range known {
		t.Errorf("%s is in %s, and is no client any more", name, outcomesFile)
	}
}
