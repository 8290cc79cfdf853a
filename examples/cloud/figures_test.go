package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var (
	figureStreams = flag.Int("figures.streams", 300, "how many streams TestFiguresAreTrueDuringADrain opens")
	figureEvents  = flag.Int("figures.events", 200, "how many events it publishes")
)

// scrape reads /metrics as Prometheus does: values by name and label, such as
// "fastsse_streams_ended_total drain".
func (p *program) scrape() map[string]float64 {
	p.t.Helper()
	res := p.get("/metrics")
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		p.t.Fatalf("/metrics is refused: %v", err)
	}
	values := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			values[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// subscriber is a raw connection with a stream on it.
type subscriber struct {
	conn   net.Conn
	events int
	retry  bool // a reconnection time came after the last event
	clean  bool // the last chunk came
}

// subscribe opens a stream of topic load, as an EventSource does, and reads its head.
func (p *program) subscribe() (*subscriber, *bufio.Reader, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprint(conn, "GET /events?topic=load HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n\r\n")
	r := bufio.NewReaderSize(conn, 1024)
	for line := ""; line != ": .\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			return nil, nil, err
		}
	}
	return &subscriber{conn: conn}, r, nil
}

// read reads the stream to its end.
func (s *subscriber) read(r *bufio.Reader, got *atomic.Int64) {
	defer s.conn.Close()
	for inside := false; ; { // inside a line that is longer than the buffer
		line, err := r.ReadSlice('\n')
		rest := inside
		inside = err == bufio.ErrBufferFull
		switch {
		case err != nil && !inside:
			return
		case rest:
		case bytes.HasPrefix(line, []byte("data:")):
			s.events, s.retry = s.events+1, false
			got.Add(1)
		case bytes.HasPrefix(line, []byte("retry:")):
			s.retry = true
		case bytes.Equal(line, []byte("0\r\n")):
			s.clean = true
		}
	}
}

// expectFigures compares some of the figures.
func expectFigures(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for key, n := range want {
		if v, there := got[key]; !there || v != n {
			t.Errorf("%s is %v (there: %v), want %v", key, v, there, n)
		}
	}
}

// publishMany publishes so many events of 10 kB to topic load.
func (p *program) publishMany(events int) {
	p.t.Helper()
	block := strings.Repeat("x", 10_000)
	for range events {
		if status := p.publish("secret", "load", block); status != 200 {
			p.t.Fatalf("publishing: %d", status)
		}
	}
}

// expectWhole checks that streams had so many events each, and then their end.
func expectWhole(t *testing.T, all []*subscriber, events int) {
	t.Helper()
	for i, s := range all {
		if s.events != events || !s.retry || !s.clean {
			t.Fatalf("stream %d got %d of %d events, a reconnection time: %v, a clean end: %v", i, s.events, events, s.retry, s.clean)
		}
	}
}

// A reader that takes nothing keeps the drain from ending, so that the figures can be read
// meanwhile. They must be what this test has counted itself.
func TestFiguresAreTrueDuringADrain(t *testing.T) {
	t.Parallel()
	streams, events := *figureStreams, *figureEvents
	p := start(t, build(t, ""), []string{"TOKEN=secret"}, "-grace", "8s", "-max-age", "-1s")
	var stalled *subscriber
	var got atomic.Int64
	var readers sync.WaitGroup
	all := make([]*subscriber, streams)
	for i := range all {
		s, r, err := p.subscribe()
		if err != nil {
			t.Fatal(err)
		}
		all[i] = s
		readers.Go(func() { s.read(r, &got) })
	}
	stalled, _, err := p.subscribe()
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.conn.Close()
	stalled.conn.(*net.TCPConn).SetReadBuffer(4096)
	p.publishMany(events)
	before := p.scrape()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testkit.Within(t, "all others have their end", readers.Wait)
	for range 3 { // newcomers
		if s, r, err := p.subscribe(); err != nil {
			t.Error(err)
		} else {
			s.read(r, &got)
		}
	}
	during := p.scrape()
	expectWhole(t, all, events)
	delivered := during["fastsse_events_delivered_total"] - float64(streams*events)
	if delivered < 0 || delivered >= float64(events) {
		t.Errorf("%v events were delivered beside what the others have", delivered)
	}
	want := map[string]float64{
		"fastsse_streams_opened_total": float64(streams + 1), "fastsse_streams_ended_total drain": float64(streams),
		"fastsse_streams_ended_total client": 0, "fastsse_streams_ended_total slow": 0,
		"fastsse_subscribers parked": 1, "fastsse_subscribers streamed": 0,
		"fastsse_streams_refused_total draining": 3, "fastsse_streams_refused_total full": 0,
		"fastsse_events_published_total": float64(events), "fastsse_gap_events_total": 0, "fastsse_events_replayed_total": 0,
		"fastsse_state open": 0, "fastsse_state draining": 1, "fastsse_state closed": 0,
	}
	expectFigures(t, during, want)
	if before["fastsse_state open"] != 1 || before["fastsse_subscribers parked"] != float64(streams+1) {
		t.Errorf("before the signal: %v", before)
	}
	exited := make(chan error, 1)
	go func() { exited <- p.cmd.Wait() }()
	if err := testkit.Receive(t, "the program ends", exited); err == nil || !p.log.Has("1 streams had not taken everything") {
		t.Errorf("it ended with %v, and said %s; want that one stream was cut", err, p.log)
	}
}
