package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
)

// liar is a server of one topic that does to its streams what a test tells it to, and counts
// exactly what it did.
type liar struct {
	lies

	mu         sync.Mutex // guards what follows
	log        []entry
	more       chan struct{} // closed when there is more
	until      time.Time     // nothing is sent before that
	requests   int
	posts      int
	deliveries int
	did        deeds
}

// lies are what a liar does. The zero value sends everything once, in order. Where a field is
// the n-th, or every n-th, zero is none.
type lies struct {
	retry   int  // ms, told with each head
	refuses int  // every n-th request is answered with 503
	mutes   int  // every n-th request has no answer
	kicks   int  // every n-th of the first manyStreams requests ends right after its head
	drops   int  // every n-th of all deliveries is left out
	changes int  // every n-th of all deliveries is sent with another sequence number
	repeats int  // every n-th of all deliveries is sent twice
	swaps   int  // every n-th event of a stream is sent after the one that follows it
	slows   int  // every n-th stream has its events slowness later
	stalls  int  // with the n-th event begins a time of stallTime in which nothing is sent
	belated int  // the n-th event is sent to all again, belatedness after the first time
	strange int  // an event that nobody published goes before every n-th event of a stream
	ends    int  // with the n-th event the streams that were there first end
	forgets bool // Last-Event-ID is ignored

	overtakes int // every n-th event is stored after one that comes later, on another connection
}

const (
	manyStreams = 60
	slowness    = 500 * time.Millisecond
	stallTime   = 2 * time.Second
	belatedness = 700 * time.Millisecond
)

// deeds is what a liar has done.
type deeds struct {
	answered, refused, muted, kicked, ended int

	sent    int // events, each once for each stream
	missing int // left out before an event that was sent
	twice   int
	swapped int
	strange int
	late    lateness

	overtaken int
}

// lateness is what streams were sent that came when events had been sent before.
type lateness struct {
	sent   int
	firsts []int // the first event of each
}

// count counts that event i is sent to one of these streams.
func (l *lateness) count(v *visit, i int) {
	if l.sent++; !v.begun {
		l.firsts = append(l.firsts, i)
		v.begun = true
	}
}

// lost is how many events these streams did not get after their first, of so many.
func (l *lateness) lost(published int) (n int) {
	for _, first := range l.firsts {
		n += published - first + 1
	}
	return n - l.sent
}

type entry struct {
	data string
	at   time.Time
}

// number is that which the event was published with.
func (e *entry) number() (n int) {
	_, _ = fmt.Sscanf(e.data, "bench %s %d %d", new(string), new(int), &n)
	return n
}

// changed is the data with a digit more in the number.
func (e *entry) changed() string {
	fields := strings.Fields(e.data)
	fields[3] = "9" + fields[3]
	return strings.Join(fields, " ")
}

// opened is by how many more numbers below the highest are missing, now that this one is sent.
func (v *visit) opened(number int) int {
	before := v.highest - v.got
	v.got, v.highest = v.got+1, max(v.highest, number)
	return v.highest - v.got - before
}

// visit is a stream of a liar.
type visit struct {
	http.ResponseWriter
	number int
	next   int  // the event to send, from 1
	first  bool // it came before all events
	late   bool // it came later, and for the first time
	begun  bool // it is late, and has been sent something
	owed   int  // events left out since the last that was sent

	got, highest int // events that were sent, and the highest number that one was published with
}

func newLiar(l lies) *liar { return &liar{lies: l, more: make(chan struct{})} }

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		l.publish(w, r)
		return
	}
	l.mu.Lock()
	l.requests++
	n := l.requests
	l.mu.Unlock()
	switch {
	case every(l.refuses, n):
		l.count(&l.did.refused)
		http.Error(w, "not you", http.StatusServiceUnavailable)
	case every(l.mutes, n):
		l.count(&l.did.muted)
		<-r.Context().Done()
	default:
		l.stream(r.Context(), l.answer(w, r, n))
	}
}

// every reports whether i is a multiple of n. With n of zero none is.
func every(n, i int) bool { return n > 0 && i%n == 0 }

func (l *liar) count(n *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n++
}

func (l *liar) publish(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.posts++; every(l.overtakes, l.posts) {
		l.letOvertake()
	}
	l.log = append(l.log, entry{string(body), time.Now()})
	if len(l.log) == l.stalls {
		l.until = time.Now().Add(stallTime)
	}
	close(l.more)
	l.more = make(chan struct{})
	w.WriteHeader(http.StatusNoContent)
}

// letOvertake waits until another event is stored, if one comes.
func (l *liar) letOvertake() {
	more := l.more
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-more:
		l.count(&l.did.overtaken)
	case <-time.After(slowness):
	}
}

// answer sends the head of a stream.
func (l *liar) answer(w http.ResponseWriter, r *http.Request, number int) *visit {
	l.mu.Lock()
	l.did.answered++
	v := &visit{ResponseWriter: w, number: number, next: len(l.log) + 1, first: len(l.log) == 0}
	id, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	switch {
	case id > 0 && l.forgets:
		v.owed = len(l.log) - id
	case id > 0:
		v.next = id + 1
		for i := range id { // of the streams that end, none was dropped
			v.opened(l.log[i].number())
		}
	case !v.first:
		v.late = true
	}
	l.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "retry: %d\n\n", l.retry)
	v.flush()
	return v
}

func (v *visit) flush() { _ = http.NewResponseController(v.ResponseWriter).Flush() }

// stream sends events until the client leaves, or the stream's time has come.
func (l *liar) stream(ctx context.Context, v *visit) {
	if v.number <= manyStreams && every(l.kicks, v.number) {
		l.count(&l.did.kicked)
		return
	}
	for l.await(ctx, v.next) {
		i := v.next
		if every(l.strange, i) {
			l.count(&l.did.strange)
			fmt.Fprintf(v, "event: gap\ndata: {\"before\":%d}\n\n", i)
			v.flush()
		}
		if v.next++; every(l.swaps, i) && l.await(ctx, i+1) {
			v.next++
			l.deliver(v, i+1)
			l.count(&l.did.swapped)
		}
		l.deliver(v, i)
		if i == l.ends && v.first {
			l.count(&l.did.ended)
			return
		}
		if i == l.belated {
			load.Pause(ctx, belatedness)
			l.count(&l.did.twice)
			l.sendAgain(v, i)
		}
	}
}

// deliver sends an event, or does not.
func (l *liar) deliver(v *visit, i int) {
	if every(l.slows, v.number) {
		l.mu.Lock()
		at := l.log[i-1].at
		l.mu.Unlock()
		time.Sleep(time.Until(at.Add(slowness)))
	}
	for _, data := range l.decide(v, i) {
		send(v, i, data)
	}
}

// decide says what a stream is sent as event i, and counts that.
func (l *liar) decide(v *visit, i int) (data []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.log[i-1]
	l.deliveries++
	switch {
	case every(l.drops, l.deliveries):
		v.owed++
		return nil
	case every(l.changes, l.deliveries):
		v.owed++
		l.did.strange++
		return []string{e.changed()}
	}
	if v.late {
		l.did.late.count(v, i)
	} else {
		l.did.sent++
		l.did.missing += v.owed
		if l.overtakes > 0 {
			l.did.missing += v.opened(e.number()) - v.owed
		}
	}
	v.owed = 0
	if every(l.repeats, l.deliveries) {
		l.did.twice++
		return []string{e.data, e.data}
	}
	return []string{e.data}
}

// sendAgain sends event i as it was published.
func (l *liar) sendAgain(v *visit, i int) {
	l.mu.Lock()
	data := l.log[i-1].data
	l.mu.Unlock()
	send(v, i, data)
}

func send(v *visit, i int, data string) {
	fmt.Fprintf(v, "id: %d\ndata: %s\n\n", i, data)
	v.flush()
}

// await waits until event i may be sent, or ctx is done.
func (l *liar) await(ctx context.Context, i int) bool {
	for {
		l.mu.Lock()
		there, more, wait := len(l.log) >= i, l.more, time.Until(l.until)
		l.mu.Unlock()
		switch {
		case there && wait <= 0:
			return true
		case there:
			load.Pause(ctx, wait)
		default:
			select {
			case <-more:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return false
		}
	}
}
