package load

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// encodings are those that streams may be compressed with.
var encodings = map[string]func(io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"br":   func(r io.Reader) (io.Reader, error) { return brrr.NewReader(r), nil },
	"zstd": func(r io.Reader) (io.Reader, error) {
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	},
}

// Traffic is what all streams of a swarm have read so far.
type Traffic struct {
	Wire     uint64        // bytes from connections: heads, framing and TLS included
	Plain    uint64        // bytes of compressed bodies, decoded
	Decoding time.Duration // time for that

	Delivered uint64 // events, as Swarm.Delivered
}

// traffic is a Traffic that goroutines count at once.
type traffic struct {
	wire, plain atomic.Uint64
	decoding    atomic.Int64
}

// Traffic may be called at any time.
func (s *Swarm) Traffic() Traffic {
	t := Traffic{Wire: s.traffic.wire.Load(), Plain: s.traffic.plain.Load(), Decoding: time.Duration(s.traffic.decoding.Load())}
	t.Delivered, _ = s.Delivered()
	for _, m := range s.meters {
		m.mu.Lock()
		t.Wire += m.wire
		m.mu.Unlock()
	}
	return t
}

// counted is a connection whose bytes are counted as they are read.
type counted struct {
	net.Conn
	traffic *traffic
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.traffic.wire.Add(uint64(n))
	return n, err
}

// timed is a reader, and how long it took.
type timed struct {
	io.Reader
	took time.Duration
}

func (t *timed) Read(p []byte) (int, error) {
	begun := Now()
	n, err := t.Reader.Read(p)
	t.took += Now() - begun
	return n, err
}

// decoded reads a compressed body, and counts what that takes.
type decoded struct {
	source, plain timed
	traffic       *traffic
}

// decode makes a body plain. It reads the first bytes.
func (t *traffic) decode(body io.Reader, encoding string) (io.Reader, error) {
	open, ok := encodings[encoding]
	if !ok {
		return body, nil
	}
	d := &decoded{source: timed{Reader: body}, traffic: t}
	var err error
	if d.plain.Reader, err = open(&d.source); err != nil {
		return nil, fmt.Errorf("read %s: %w", encoding, err)
	}
	d.source.took = 0
	return d, nil
}

func (d *decoded) Read(p []byte) (int, error) {
	n, err := d.plain.Read(p)
	d.traffic.plain.Add(uint64(n))
	d.traffic.decoding.Add(int64(d.plain.took - d.source.took))
	d.plain.took, d.source.took = 0, 0
	return n, err
}
