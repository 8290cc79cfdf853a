package clients

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// forms are the ways in which servers write heartbeats.
var forms = []struct{ name, bytes string }{
	{"`:`", ":\n"},
	{"`: .`", ": .\n"},
	{"`: x` and a blank line", ": x\n\n"},
	{"`:` and a blank line", ":\n\n"},
}

// formFaults are the clients that do not take every form of heartbeats between events: what
// happens, by client and form.
var formFaults = map[string]map[string]string{
	"fetch-event-source": afterBlankLine,
	"r3labs":             afterBlankLine,
}

// afterBlankLine is what happens to clients that take each blank line for the end of an event.
var afterBlankLine = map[string]string{"`: x` and a blank line": "an empty event", "`:` and a blank line": "an empty event"}

// Each client takes each form of heartbeats as formFaults says: no worse, and no better. The
// table of docs/clients.md shows it.
func TestHeartbeatForms(t *testing.T) {
	if testing.Short() {
		t.Skip("starts browsers; go test without -short runs it")
	}
	for _, r := range runtimes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newFormServer(t)
			var clients []*running
			for _, c := range r.clients {
				clients = append(clients, newRunning(t, c, s.addr))
			}
			r.start(t, clients)
			for _, c := range clients {
				deadline := time.Now().Add(patience)
				for !c.isDone() && time.Now().Before(deadline) {
					time.Sleep(10 * time.Millisecond)
				}
				s.compare(t, c)
			}
		})
	}
}

func (r *running) isDone() bool {
	return slices.ContainsFunc(r.log(), func(e entry) bool { return e.Data == "done" })
}

// formServer sends each client an event, heartbeats of a form, an event, for each of the
// forms. A client that comes back goes on with the next form.
type formServer struct {
	addr string

	mu     sync.Mutex     // guards what follows
	at     map[string]int // the form that a client is sent
	breaks map[string]map[int]bool
}

func newFormServer(t *testing.T) *formServer {
	t.Helper()
	s := &formServer{at: map[string]int{}, breaks: map[string]map[int]bool{}}
	mux := http.NewServeMux()
	mux.Handle("/", pages())
	mux.HandleFunc("GET /events", s.serve)
	server := httptest.NewServer(mux)
	s.addr = server.Listener.Addr().String()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

// next is the form that a client is sent next, and whether there is one.
func (s *formServer) next(client string, first bool) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.at[client]
	switch {
	case known && first && at < len(forms):
		if s.breaks[client] == nil {
			s.breaks[client] = map[int]bool{}
		}
		s.breaks[client][at] = true
		at++
	case known && !first:
		at++
	}
	s.at[client] = at
	return at, at < len(forms)
}

func (s *formServer) serve(w http.ResponseWriter, r *http.Request) {
	client := r.URL.Query().Get("topic")
	w.Header().Set("Content-Type", "text/event-stream")
	write := func(text string) {
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
		time.Sleep(10 * time.Millisecond) // so that it is likely to be read alone
	}
	for i, ok := s.next(client, true); ok; i, ok = s.next(client, false) {
		write(formEvent(client, fmt.Sprint("before ", i)))
		write(forms[i].bytes)
		write(forms[i].bytes)
		write(formEvent(client, fmt.Sprint("after ", i)))
		if r.Context().Err() != nil {
			return
		}
	}
	write(formEvent(client, "done"))
	<-r.Context().Done()
}

// formEvent is an event as a client can take it.
func formEvent(client, data string) string {
	if client == "datastar" {
		return "event: datastar-number\ndata: is " + data + "\n\n"
	}
	return "data: " + data + "\nid: " + data + "\n\n"
}

// compare holds what a client made of the forms against formFaults.
func (s *formServer) compare(t *testing.T, r *running) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	log := r.log()
	for i, form := range forms {
		found := formFault(log, i)
		if s.breaks[r.name][i] {
			found = "breaks"
		}
		if want := formFaults[r.name][form.name]; found != want {
			t.Errorf("%s: heartbeats of the form %s: found %q, want %q; it got %q", r.name, form.name, found, want, log)
		}
	}
	if !r.isDone() {
		t.Errorf("%s does not get the last event; it got %q", r.name, log)
	}
}

// formFault says what went wrong between the two events around form i.
func formFault(log []entry, i int) string {
	at := func(data string) int {
		return slices.IndexFunc(log, func(e entry) bool { return e.Data == data })
	}
	from, to := at(fmt.Sprint("before ", i)), at(fmt.Sprint("after ", i))
	switch {
	case from < 0 || to < from:
		return "loses an event"
	case to > from+1:
		return "an empty event"
	}
	return ""
}

// formTable is the table of docs/clients.md.
func formTable() string {
	var b strings.Builder
	b.WriteString("| heartbeat | clients of the table above that do not take it |\n|---|---|\n")
	for _, form := range forms {
		var faults []string
		for client, of := range formFaults {
			if fault := of[form.name]; fault != "" {
				faults = append(faults, notes[client].title+": "+fault)
			}
		}
		for client, of := range completionFaults {
			if of[form.name] {
				faults = append(faults, client+": ends with an error")
			}
		}
		slices.Sort(faults)
		if faults == nil {
			faults = []string{"none"}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", form.name, strings.Join(faults, "; "))
	}
	return b.String()
}
