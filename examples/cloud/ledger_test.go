package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// ledger is a publisher of numbers, one after the other, and readers who are to get each of
// them once, in order, wherever they are connected and whatever is replaced meanwhile.
type ledger struct {
	t    *testing.T
	url  string // of the instances, or of what is in front of them
	stop context.CancelFunc
	ctx  context.Context

	published atomic.Int64 // the numbers below it were answered 2xx
	again     atomic.Int64 // requests that were repeated
	readers   []*reader
	running   sync.WaitGroup
	quit      chan struct{} // closed: no more numbers
	publisher chan struct{} // closed when the last number was answered
}

// reader is a client that comes back with its last id, soon.
type reader struct {
	got     atomic.Int64
	streams atomic.Int64 // how often it was answered 200

	mu    sync.Mutex // guards the others
	wrong []string   // what should not have happened
	epoch string
}

// newLedger opens the readers' streams, and then publishes until the test calls check.
func newLedger(t *testing.T, url string, readers int) *ledger {
	l := &ledger{t: t, url: url, quit: make(chan struct{}), publisher: make(chan struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	t.Cleanup(func() { l.stop(); l.running.Wait() })
	for range readers {
		r := &reader{}
		l.readers = append(l.readers, r)
		l.running.Go(func() { r.run(l.ctx, url) })
	}
	for _, r := range l.readers {
		testkit.Eventually(t, "each reader has a stream", func() bool { return r.streams.Load() > 0 })
	}
	l.running.Go(func() { defer close(l.publisher); l.publish() })
	return l
}

// publish publishes the numbers, each with a key, again until it is answered 200.
func (l *ledger) publish() {
	for n := int64(0); ; n++ {
		for l.post(n) != nil {
			l.again.Add(1)
			select {
			case <-l.ctx.Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		l.published.Store(n + 1)
		select {
		case <-l.quit:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (l *ledger) post(n int64) error {
	ctx, cancel := context.WithTimeout(l.ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", l.url+"/publish?topic=ledger", strings.NewReader(fmt.Sprint(n)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Idempotency-Key", fmt.Sprintf("number-%d", n))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %s", res.Status, answer)
	}
	return nil
}

// more waits until so many more numbers are published.
func (l *ledger) more(n int64) {
	l.t.Helper()
	to := l.published.Load() + n
	testkit.Eventually(l.t, "numbers are published", func() bool { return l.published.Load() >= to })
}

// check ends the publisher, waits for the readers, and says what they lack.
func (l *ledger) check() {
	l.t.Helper()
	close(l.quit)
	testkit.Receive(l.t, "the publisher ends", l.publisher)
	all := l.published.Load()
	epochs := map[string]bool{}
	for i, r := range l.readers {
		if !testkit.Soon(testkit.Patience, func() bool { return r.got.Load() >= all || len(r.faults()) > 0 }) {
			l.t.Errorf("reader %d has %d of %d numbers", i, r.got.Load(), all)
		}
		for _, fault := range r.faults() {
			l.t.Errorf("reader %d: %s", i, fault)
		}
		epochs[r.epochNow()] = true
	}
	l.stop()
	l.running.Wait()
	if len(epochs) != 1 {
		l.t.Errorf("epochs %v, want one", epochs)
	}
	streams := int64(0)
	for _, r := range l.readers {
		streams += r.streams.Load()
	}
	l.t.Logf("%d numbers, %d requests repeated; %d readers had %d streams", all, l.again.Load(), len(l.readers), streams)
}

// run reads streams until ctx is done.
func (r *reader) run(ctx context.Context, url string) {
	id := ""
	for ctx.Err() == nil {
		id = r.read(ctx, url, id)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// read reads one stream to its end, and returns the last id.
func (r *reader) read(ctx context.Context, url, id string) string {
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/events?topic=ledger", nil)
	if err != nil {
		r.fault("%v", err)
		return id
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("User-Agent", "reader") // as an EventSource: nobody takes it for one of Go's
	if id != "" {
		req.Header.Set("Last-Event-ID", id)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return id
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.fault("answer %s, after which an EventSource gives up", res.Status)
		return id
	}
	buffered := bufio.NewReader(res.Body)
	if _, err := buffered.Peek(1); err != nil {
		return id
	}
	r.streams.Add(1)
	d := testkit.NewDecoder(buffered)
	for d.LastID = id; ; {
		e, err := d.Next()
		if err != nil {
			if d.LastID != "" {
				id = d.LastID
			}
			return id
		}
		r.take(e)
	}
}

// take notes an event.
func (r *reader) take(e testkit.Event) {
	epoch, _, _ := strings.Cut(e.ID, "-")
	if e.Type != "message" {
		r.fault("an event %+v", e)
		return
	}
	if want := fmt.Sprint(r.got.Load()); e.Data != want {
		r.fault("number %s (id %s) in place of %s", e.Data, e.ID, want)
	}
	r.mu.Lock()
	if r.epoch != "" && r.epoch != epoch {
		r.wrong = append(r.wrong, "epoch "+epoch+" after "+r.epoch)
	}
	r.epoch = epoch
	r.mu.Unlock()
	r.got.Add(1)
}

func (r *reader) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) < 5 {
		r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
	}
}

func (r *reader) faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong
}

func (r *reader) epochNow() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch
}
