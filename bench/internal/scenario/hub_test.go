package scenario

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// hub is a server of topics with replay, and with the faults of a test. The zero
// value has none.
type hub struct {
	retry   int                      // in ms; zero: it says nothing
	most    int                      // streams that are answered; zero: all
	refuses func(n int) bool         // whether the n-th event published is
	doubts  func(n int) bool         // whether it is stored, and answered with an error
	drops   func(id, visit int) bool // whether an event does not go to a stream
	kicks   func(visit int) bool     // whether a stream ends right after its head
	ends    func(id, visit int) bool // whether it ends after an event
	slow    time.Duration            // before an event goes to a stream
	again   time.Duration            // so long after event number 30 it is sent once more
	base    int                      // added to the number of an event, for its id
	gap     bool                     // it tells clients that it does not know their last event
	leaving chan struct{}            // closed when it ends its streams; nil: never
	bye     string                   // the last that it sends then

	mu     sync.Mutex // guards what follows
	visits int
	topics map[string]*topic
}

type topic struct {
	log  []string
	more chan struct{} // closed when there is more
}

func (h *hub) topic(name string) *topic {
	if h.topics == nil {
		h.topics = map[string]*topic{}
	}
	if h.topics[name] == nil {
		h.topics[name] = &topic{more: make(chan struct{})}
	}
	return h.topics[name]
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/debug/pprof/goroutine":
		fmt.Fprintln(w, "goroutine profile: total 42")
	case r.Method == http.MethodPost:
		h.publish(w, r)
	default:
		h.stream(w, r)
	}
}

func (h *hub) publish(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topic(r.URL.Path)
	if h.refuses != nil && h.refuses(len(t.log)+1) {
		http.Error(w, "no disk", http.StatusInternalServerError)
		return
	}
	t.log = append(t.log, string(body))
	close(t.more)
	t.more = make(chan struct{})
	if h.doubts != nil && h.doubts(len(t.log)) {
		http.Error(w, "stored or not", http.StatusGatewayTimeout)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *hub) stream(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.visits++
	visit, t := h.visits, h.topic(r.URL.Path)
	h.mu.Unlock()
	if h.most > 0 && visit > h.most {
		http.Error(w, "no more", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if h.retry > 0 {
		fmt.Fprintf(w, "retry: %d\n\n", h.retry)
	}
	_ = http.NewResponseController(w).Flush()
	if h.kicks != nil && h.kicks(visit) {
		return
	}
	id, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if id = h.seen(t, id); id < 0 {
		id = 0
		fmt.Fprint(w, "event: gap\ndata: {}\n\n")
	}
	h.copy(w, r.Context(), t, id, visit)
}

// seen is the number of the event with this id, or -1 if the hub does not know it and
// tells of that.
func (h *hub) seen(t *topic, id int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := id - h.base; id == 0 || n >= 0 && n <= len(t.log) || !h.gap {
		return max(n, 0)
	}
	return -1
}

// copy sends what comes after id, until the client leaves.
func (h *hub) copy(w http.ResponseWriter, ctx context.Context, t *topic, id, visit int) {
	for {
		h.mu.Lock()
		log, more := t.log[min(id, len(t.log)):], t.more
		h.mu.Unlock()
		for _, data := range log {
			if ctx.Err() != nil {
				return
			}
			if id++; h.drops == nil || !h.drops(id, visit) {
				time.Sleep(h.slow)
				fmt.Fprintf(w, "id: %d\ndata: %s\n\n", h.base+id, data)
			}
			if h.ends != nil && h.ends(id, visit) {
				return
			}
		}
		_ = http.NewResponseController(w).Flush()
		var again <-chan time.Time
		if h.again > 0 && id == 30 {
			again = time.After(h.again)
		}
		select {
		case <-again:
			fmt.Fprintf(w, "id: 30\ndata: %s\n\n", log[len(log)-1])
			_ = http.NewResponseController(w).Flush()
			<-ctx.Done()
			return
		case <-more:
		case <-ctx.Done():
			return
		case <-h.leaving:
			if id == h.newest(t) {
				fmt.Fprint(w, h.bye)
				return
			}
		}
	}
}

func (h *hub) newest(t *topic) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(t.log)
}

// serve serves until the test ends.
func serve(t *testing.T, h http.Handler) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// short is a scenario of a second or so.
func short(url string) Scenario {
	return Scenario{
		Command: "run", Request: load.Request{URL: url + "/a"}, Streams: 10, Client: load.Client{Returns: true},
		Publish: &load.Publishing{URL: url + "/a", Size: 80}, Rate: 100, Duration: 300 * time.Millisecond,
		Patience: 500 * time.Millisecond, Answer: 2 * time.Second,
	}
}

// elsewhere serves a hub without faults in another process: this test binary, which
// TestMain turns into a server.
func elsewhere(t *testing.T) (url string, server *exec.Cmd) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SCENARIO_TEST_HUB=1", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var first bytes.Buffer
	for one := make([]byte, 1); !strings.HasSuffix(first.String(), "\n"); {
		if _, err := out.Read(one); err != nil {
			t.Fatal(err)
		}
		first.Write(one)
	}
	return strings.TrimSpace(first.String()), cmd
}

func TestMain(m *testing.M) {
	if os.Getenv("SCENARIO_TEST_HUB") != "" {
		fmt.Println(httptest.NewServer(&hub{}).URL)
		select {}
	}
	if kind := os.Getenv("SCENARIO_TEST_DRAIN"); kind != "" {
		os.Exit(drainable[kind].run())
	}
	os.Exit(m.Run())
}

// until is a context that ends when a condition of the hub is true, and its clients have
// had time to see it; or after 10 s.
func until(t *testing.T, is func() bool) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(stop)
	go func() {
		for ctx.Err() == nil && !is() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		stop()
	}()
	return ctx
}

// opened is how many requests for streams a hub has had, and published how many events it
// has of a topic.
func (h *hub) opened() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.visits
}

func (h *hub) published(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topic(name).log)
}
