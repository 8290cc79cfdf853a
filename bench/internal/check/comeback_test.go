package check

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// keeper is a hub of one topic whose ids are numbers. The test decides what it sends to
// clients that come back.
type keeper struct {
	resume func(log []string, lastID string) (replay []kept, status int)
	idOf   func(n int) string // nil: n

	mu      sync.Mutex // guards what follows
	log     []string
	changed chan struct{}
}

// kept is an event as it is sent.
type kept struct{ id, typ, data string }

func (k *keeper) id(n int) string {
	if k.idOf != nil {
		return k.idOf(n)
	}
	return strconv.Itoa(n)
}

// from are the events after the first n.
func from(log []string, n int) []kept {
	var all []kept
	for i := n; i < len(log); i++ {
		all = append(all, kept{id: strconv.Itoa(i + 1), data: log[i]})
	}
	return all
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case "POST":
		k.publish(r)
	case "GET":
		k.stream(w, r)
	default:
		w.WriteHeader(405)
	}
}

func (k *keeper) publish(r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = append(k.log, string(data))
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *keeper) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	k.mu.Lock()
	next := len(k.log)
	var replay []kept
	status := 200
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		replay, status = k.resume(slices.Clone(k.log), id)
	}
	k.mu.Unlock()
	w.WriteHeader(status)
	if status != 200 {
		return
	}
	_, _ = io.WriteString(w, opening)
	send(w, replay)
	for {
		k.mu.Lock()
		news, changed := k.log[next:], k.changed
		for i, data := range news {
			send(w, []kept{{id: k.id(next + i + 1), data: data}})
		}
		next += len(news)
		k.mu.Unlock()
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func send(w io.Writer, events []kept) {
	for _, e := range events {
		if e.id != "" {
			fmt.Fprintf(w, "id: %s\n", e.id)
		}
		if e.typ != "" {
			fmt.Fprintf(w, "event: %s\n", e.typ)
		}
		fmt.Fprintf(w, "data: %s\n\n", e.data)
	}
}

// right resumes correctly: after a known id, and with a gap for other ids.
func right(log []string, lastID string) ([]kept, int) {
	n, err := strconv.Atoi(lastID)
	if err != nil || n > len(log) {
		return append([]kept{{typ: "gap", data: "{}"}}, from(log, 0)...), 200
	}
	return from(log, n), 200
}

// known gives known ids to f, and leaves the rest to right.
func known(f func(log []string, n int) []kept) func([]string, string) ([]kept, int) {
	return func(log []string, lastID string) ([]kept, int) {
		n, err := strconv.Atoi(lastID)
		if err != nil || n > len(log) {
			return right(log, lastID)
		}
		return f(log, n), 200
	}
}

// unknown leaves known ids to right.
func unknown(f func(log []string) ([]kept, int)) func([]string, string) ([]kept, int) {
	return func(log []string, lastID string) ([]kept, int) {
		if _, err := strconv.Atoi(lastID); err == nil {
			return right(log, lastID)
		}
		return f(log)
	}
}

func TestResumeFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		keeper *keeper
		check  string
		want   Verdict
		says   string
	}{
		{"right", &keeper{resume: right}, "resume/resume", OK, "4 events"},
		{"right when up to date", &keeper{resume: right}, "resume/up-to-date", OK, "nothing"},
		{"right with a gap", &keeper{resume: right}, "resume/gap", OK, "event: gap"},
		{"loses one", &keeper{resume: known(func(log []string, n int) []kept { return from(log, n+1) })}, "resume/resume", Fail, "LOST"},
		{"nothing is kept", &keeper{resume: known(func([]string, int) []kept { return nil })}, "resume/resume", Fail, "4 did not come"},
		{"the last one again", &keeper{resume: known(func(log []string, n int) []kept { return from(log, n-1) })}, "resume/resume", Fail, "1 event that the client had"},
		{"each twice", &keeper{resume: known(func(log []string, n int) []kept { return append(from(log, n), from(log, n)...) })}, "resume/resume", Fail, "came twice"},
		{"backwards", &keeper{resume: known(func(log []string, n int) []kept {
			all := from(log, n)
			slices.Reverse(all)
			return all
		})}, "resume/resume", Fail, "out of order"},
		{"keeps too little", &keeper{resume: known(func([]string, int) []kept { return []kept{{typ: "gap", data: "evicted"}} })}, "resume/resume", Warn, "told of a gap"},
		{"refuses", &keeper{resume: func([]string, string) ([]kept, int) { return nil, 400 }}, "resume/resume", Fail, "400"},
		{"everything when up to date", &keeper{resume: known(func(log []string, n int) []kept {
			if n == len(log) {
				n = 0
			}
			return from(log, n)
		})}, "resume/up-to-date", Fail, "replayed to a client that has the newest"},
		{"a gap when up to date", &keeper{resume: known(func(log []string, n int) []kept {
			return append([]kept{{typ: "gap", data: "x"}}, from(log, n)...)
		})}, "resume/up-to-date", Fail, "told of a gap"},
		{"silence", &keeper{resume: unknown(func([]string) ([]kept, int) { return nil, 200 })}, "resume/gap", Fail, "LOST SILENTLY"},
		{"everything", &keeper{resume: unknown(func(log []string) ([]kept, int) { return from(log, 0), 200 })}, "resume/gap", Warn, "replayed"},
		{"a late gap", &keeper{resume: unknown(func(log []string) ([]kept, int) { return append(from(log, 0), kept{typ: "gap", data: "x"}), 200 })}, "resume/gap", Fail, "only after"},
		{"unknown is refused", &keeper{resume: unknown(func([]string) ([]kept, int) { return nil, 404 })}, "resume/gap", Fail, "404"},
		{"one id for all", &keeper{resume: right, idOf: func(int) string { return "7" }}, "stream/ids", Fail, "several events have the id"},
		{"no ids", &keeper{resume: right, idOf: func(int) string { return "" }}, "resume/resume", Warn, "no ids"},
	}
	reports := make([]*Report, len(tests))
	var all sync.WaitGroup
	for i := range tests {
		k := tests[i].keeper
		k.changed = make(chan struct{})
		srv := httptest.NewServer(k)
		t.Cleanup(srv.Close)
		all.Go(func() {
			r, err := Run(t.Context(), Config{URL: srv.URL, PublishURL: srv.URL, For: 300 * time.Millisecond})
			if err != nil {
				t.Errorf("%s: %v", tests[i].name, err)
			}
			reports[i] = r
		})
	}
	all.Wait()
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if reports[i] != nil {
				expect(t, reports[i], tt.check, tt.want, tt.says)
			}
		})
	}
}

// A server that counts from one again after a restart, and waits for the number
// that a client comes back with.
func TestIDAheadOfTheNewestIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	k := &keeper{changed: make(chan struct{}), resume: right}
	deaf := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")); n > 1000 {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, opening)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		k.ServeHTTP(w, r)
	})
	srv := httptest.NewServer(deaf)
	defer srv.Close()
	p := defaultPace
	p.held = time.Second
	r := look(t, Config{URL: srv.URL, PublishURL: srv.URL, For: 300 * time.Millisecond, pace: p})
	expect(t, r, "resume/gap", Fail, "ahead of the newest")
}

func TestGapTypeIsConfigurable(t *testing.T) {
	t.Parallel()
	k := &keeper{changed: make(chan struct{}), resume: unknown(func([]string) ([]kept, int) {
		return []kept{{typ: "reload", data: "x"}}, 200
	})}
	srv := httptest.NewServer(k)
	defer srv.Close()
	r := look(t, Config{URL: srv.URL, PublishURL: srv.URL, GapType: "reload", For: 300 * time.Millisecond})
	expect(t, r, "resume/gap", OK, "event: reload")
}

func TestPublishingThatIsRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	defer srv.Close()
	r := look(t, Config{URL: serveWire(t, wireFault{body: opening}.serve), PublishURL: srv.URL, For: 300 * time.Millisecond})
	expect(t, r, "delivery/publish", Fail, "401", "who are you?", "-publish-header")
	expect(t, r, "delivery/delivery", Skipped)
	expect(t, r, "resume/resume", Skipped)
	expect(t, r, "resume/gap", Skipped)
}
