package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/fastsse/fastsse"
	launchdarkly "github.com/launchdarkly/eventsource"
	r3labs "github.com/r3labs/sse/v2"
	gosse "github.com/tmaxmax/go-sse"
)

// BenchmarkDecode reads a stream, for each decoder, profile and size of what is read at once:
// the time and the allocations are those of an event. What would make the numbers lie:
//
//   - a decoder that returns fewer events, or less of them: all are counted, with the
//     bytes of their data, and the benchmark fails;
//   - a decoder that does less: r3labs' reader splits blocks and parses none, so the
//     whole client is there as well, on a transport in memory; its callers get no less.
//     go-sse, launchdarkly and fastsse.Read hand out copies, where a Decoder lends;
//   - set-up: a stream is 1,000 events, or 4 MiB, and each is read by a new decoder. Its
//     buffers are what a Decoder allocates;
//   - bytes that are all in the cache, which is so for all of them alike;
//   - goroutines: launchdarkly's and r3labs' client have some, on other processors. The time is that of
//     the clock.
func BenchmarkDecode(b *testing.B) {
	for _, p := range profiles {
		wire, data := p.stream()
		blocks := sum{data.events, len(wire) - len("\n\n")*data.events}
		for _, size := range []int{4 << 10, 64 << 10} {
			for _, d := range decoders {
				want := data
				if d.splits {
					want = blocks
				}
				b.Run(fmt.Sprintf("%s/%dK/%s", p.name, size>>10, d.name), func(b *testing.B) {
					benchmarkDecode(b, wire, size, want, d.read)
				})
			}
		}
	}
}

func benchmarkDecode(b *testing.B, wire []byte, size int, want sum, read func(r *body) (sum, error)) {
	b.SetBytes(int64(len(wire)))
	before := allocations()
	for b.Loop() {
		got, err := read(&body{wire: wire, size: size})
		if err != nil || got != want {
			b.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	}
	events := float64(b.N * want.events)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/events, "ns/event")
	b.ReportMetric((allocations()-before)/events, "allocs/event")
	b.ReportMetric(0, "ns/op")
}

func allocations() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Mallocs)
}

// sum is what a decoder has to return: so many events, with so many bytes of data, or of
// their blocks if it does not parse them.
type sum struct{ events, bytes int }

func (s *sum) add(bytes int) { *s = sum{s.events + 1, s.bytes + bytes} }

// body gives size bytes at a time.
type body struct {
	wire []byte
	size int
}

func (b *body) Read(to []byte) (int, error) {
	if len(b.wire) == 0 {
		return 0, io.EOF
	}
	n := copy(to[:min(len(to), b.size)], b.wire)
	b.wire = b.wire[n:]
	return n, nil
}

// next is as a Read, without a copy.
func (b *body) next() []byte {
	piece := b.wire[:min(len(b.wire), b.size)]
	b.wire = b.wire[len(piece):]
	return piece
}

// profile is a stream of events that its function makes.
type profile struct {
	name  string
	event func(i int, rng *rand.Rand) fastsse.Event
}

var profiles = []profile{
	{"100B", func(i int, _ *rand.Rand) fastsse.Event { return numbered(i, strings.Repeat("x", 100)) }},
	{"1KB", func(i int, _ *rand.Rand) fastsse.Event { return numbered(i, strings.Repeat("x", 1000)) }},
	{"20lines", func(i int, _ *rand.Rand) fastsse.Event {
		return numbered(i, strings.TrimSuffix(strings.Repeat(strings.Repeat("y", 49)+"\n", 20), "\n"))
	}},
	{"64KB", func(i int, _ *rand.Rand) fastsse.Event { return numbered(i, strings.Repeat("x", 64_000)) }},
	{"tokens", token},
}

func numbered(i int, data string) fastsse.Event {
	return fastsse.Event{ID: fmt.Sprint("k3v9x2ab-", 104857+i), Type: "score", Data: []byte(data)}
}

// token is an event of an LLM's answer: JSON with a few letters of text.
func token(_ int, rng *rand.Rand) fastsse.Event {
	text := strings.Repeat("a", 1+rng.IntN(9))
	return fastsse.Event{Data: fmt.Appendf(nil, `{"id":"chatcmpl-8XYZ","object":"chat.completion.chunk","created":1700000000,"model":"m-1",`+
		`"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}`, text)}
}

// stream is the bytes, and what has to come out.
func (p profile) stream() (wire []byte, s sum) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 0; s.events < 1000 && len(wire) < 4<<20; i++ {
		e := p.event(i, rng)
		wire = fastsse.AppendEvent(wire, &e)
		s.add(len(e.Data))
	}
	return wire, s
}

var decoders = []struct {
	name   string
	read   func(r *body) (sum, error)
	splits bool // into blocks, and no more
}{
	{"fastsse-Decoder", decodeRead, false},
	{"fastsse-Feed", decodeFed, false},
	{"fastsse-Read", decodeCopies, false},
	{"go-sse", decodeGoSSE, false},
	{"r3labs-reader", decodeR3labs, true},
	{"r3labs-client", decodeR3labsClient, false},
	{"launchdarkly", decodeLaunchDarkly, false},
}

func decodeRead(r *body) (s sum, err error) {
	d := fastsse.NewDecoder(r)
	return take(d, s)
}

// take is all that a Decoder has.
func take(d *fastsse.Decoder, s sum) (sum, error) {
	for {
		e, err := d.Next()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.add(len(e.Data))
	}
}

func decodeFed(r *body) (s sum, err error) {
	var d fastsse.Decoder
	for len(r.wire) > 0 && err == nil {
		d.Feed(r.next())
		s, err = take(&d, s)
	}
	return s, err
}

func decodeCopies(r *body) (s sum, err error) {
	for e, err := range fastsse.Read(r) {
		if err != nil {
			return s, err
		}
		s.add(len(e.Data))
	}
	return s, nil
}

func decodeGoSSE(r *body) (s sum, err error) {
	for e, err := range gosse.Read(r, &gosse.ReadConfig{MaxEventSize: largest}) {
		if err != nil {
			return s, err
		}
		s.add(len(e.Data))
	}
	return s, nil
}

func decodeR3labs(r *body) (s sum, err error) {
	for d := r3labs.NewEventStreamReader(r, largest); ; {
		block, err := d.ReadEvent()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.add(len(block))
	}
}

func decodeR3labsClient(r *body) (s sum, err error) {
	err = subscribe(r, func(e *r3labs.Event) { s.add(len(e.Data)) })
	return s, err
}

func decodeLaunchDarkly(r *body) (s sum, err error) {
	for d := launchdarkly.NewDecoder(r); ; {
		e, err := d.Decode()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.add(len(e.Data()))
	}
}
