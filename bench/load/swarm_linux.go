package load

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// Swarm is many streams of one URL, read by a few goroutines with an epoll set
// each: no goroutine a stream, so that the CPU is the server's.
type Swarm struct {
	target  target
	readers []*swarmReader
	streams []*stream // all ever opened, by index

	next int // source address of the next stream
}

// stream is one connection. It is owned by its reader once it is open.
type stream struct {
	index  int
	fd     int
	reader *swarmReader
	dec    decoder
	lanes  []lane // by lane number
	opened time.Duration
	mute   bool // never reads
	closed bool
	err    error
}

// lane is what a stream has had of one publisher.
type lane struct {
	first, last uint64
	at          time.Duration // of the last event
	events      uint64
	duplicated  uint64
	disordered  uint64
}

// NewSwarm prepares n reading goroutines for streams of rawURL.
func NewSwarm(rawURL string, n int) (*Swarm, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	s := &Swarm{target: t}
	for range n {
		r, err := newSwarmReader()
		if err != nil {
			return nil, err
		}
		s.readers = append(s.readers, r)
	}
	return s, nil
}

// Open opens n streams, at most rate a second (0: as fast as it goes), each with
// lastID as Last-Event-ID if it is not empty. Streams that are mute never read.
func (s *Swarm) Open(n int, rate float64, mute bool) error {
	begin := Now()
	for i := range n {
		if rate > 0 {
			sleepUntil(begin + time.Duration(float64(i)/rate*float64(time.Second)))
		}
		st := &stream{index: len(s.streams), reader: s.readers[len(s.streams)%len(s.readers)], mute: mute}
		if err := s.connect(st, ""); err != nil {
			return fmt.Errorf("open stream %d: %w", len(s.streams)+1, err)
		}
		s.streams = append(s.streams, st)
	}
	return nil
}

// connect opens st's connection and hands it to its reader.
func (s *Swarm) connect(st *stream, lastID string) error {
	fd, err := s.dial(lastID, st.mute)
	if err != nil {
		return err
	}
	st.fd = fd
	st.dec = decoder{}
	return st.reader.add(st)
}

// dial connects, sends the request, and returns the socket, not blocking.
func (s *Swarm) dial(lastID string, mute bool) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := s.bind(fd); err != nil {
		return 0, err
	}
	if mute { // a small window, so that it stalls soon
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: s.target.addr.Addr().As4(), Port: int(s.target.addr.Port())}); err != nil {
		return 0, err
	}
	req := "GET " + s.target.path + " HTTP/1.1\r\nHost: " + s.target.host + "\r\nAccept: text/event-stream\r\n"
	if lastID != "" {
		req += "Last-Event-ID: " + lastID + "\r\n"
	}
	if _, err := unix.Write(fd, []byte(req+"\r\n")); err != nil {
		return 0, err
	}
	return fd, unix.SetNonblock(fd, true)
}

// bind gives each few thousand streams a source address of their own on the
// loopback network, so that ports do not run out.
func (s *Swarm) bind(fd int) error {
	if !s.target.addr.Addr().IsLoopback() {
		return nil
	}
	const perAddress = 4000
	s.next++
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 1, byte(1 + s.next/perAddress%200)}})
}

// Opened is how many streams have had a whole head.
func (s *Swarm) Opened() int {
	n := 0
	for _, r := range s.readers {
		r.mu.Lock()
		n += r.opened
		r.mu.Unlock()
	}
	return n
}

// Failed returns the first error of a stream, and how many have one.
func (s *Swarm) Failed() (n int, first error) {
	for _, r := range s.readers {
		r.mu.Lock()
		n += r.failed
		first = cmpErr(first, r.firstErr)
		r.mu.Unlock()
	}
	return n, first
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// Delivered is how many events have been read.
func (s *Swarm) Delivered() uint64 {
	var n uint64
	for _, r := range s.readers {
		r.mu.Lock()
		n += r.delivered
		r.mu.Unlock()
	}
	return n
}

// ResetAll closes every stream by a reset, as a crash of all clients would.
func (s *Swarm) ResetAll() {
	for _, st := range s.streams {
		st.reader.remove(st)
		_ = unix.SetsockoptLinger(st.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(st.fd)
		st.closed = true
	}
}

// ReopenAll opens them again, each with the last id that it has seen.
func (s *Swarm) ReopenAll() error {
	for _, st := range s.streams {
		id := string(st.dec.lastID)
		st.closed = false
		if err := s.connect(st, id); err != nil {
			return fmt.Errorf("come back as stream %d: %w", st.index+1, err)
		}
	}
	return nil
}

// Close ends all streams and their readers.
func (s *Swarm) Close() {
	for _, st := range s.streams {
		if !st.closed {
			unix.Close(st.fd)
			st.closed = true
		}
	}
	for _, r := range s.readers {
		r.stop()
	}
}

// Histogram adds up the latencies of a lane since the last Forget.
func (s *Swarm) Histogram(lane int) *hdrhistogram.Histogram {
	h := newHistogram()
	for _, r := range s.readers {
		r.mu.Lock()
		if lane < len(r.latency) {
			h.Merge(r.latency[lane])
		}
		r.mu.Unlock()
	}
	return h
}

// newHistogram counts microseconds up to ten minutes, to three figures.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 600_000_000, 3) }

// swarmReader reads its streams with one goroutine.
type swarmReader struct {
	ep   int
	done chan struct{}

	mu        sync.Mutex // guards all below; held for a batch of reads
	byFD      map[int]*stream
	opened    int
	failed    int
	firstErr  error
	delivered uint64
	lastEvent time.Duration
	latency   []*hdrhistogram.Histogram // by lane
	stopped   bool
}

func newSwarmReader() (*swarmReader, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	r := &swarmReader{ep: ep, done: make(chan struct{}), byFD: make(map[int]*stream)}
	go r.run()
	return r, nil
}

func (r *swarmReader) add(st *stream) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byFD[st.fd] = st
	if st.mute {
		r.opened++
		return nil
	}
	return unix.EpollCtl(r.ep, unix.EPOLL_CTL_ADD, st.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(st.fd)})
}

func (r *swarmReader) remove(st *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byFD[st.fd] != st {
		return
	}
	delete(r.byFD, st.fd)
	if !st.mute {
		_ = unix.EpollCtl(r.ep, unix.EPOLL_CTL_DEL, st.fd, nil)
	}
	if st.mute || st.dec.headDone {
		r.opened--
	}
}

func (r *swarmReader) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	<-r.done
	unix.Close(r.ep)
}

func (r *swarmReader) run() {
	defer close(r.done)
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 256<<10)
	for {
		n, err := unix.EpollWait(r.ep, events, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if !r.batch(events[:max(n, 0)], buf) {
			return
		}
	}
}

// batch reads what is ready. The time is taken once a read.
func (r *swarmReader) batch(events []unix.EpollEvent, buf []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range events {
		if st := r.byFD[int(ev.Fd)]; st != nil {
			r.read(st, buf)
		}
	}
	return !r.stopped
}

func (r *swarmReader) read(st *stream, buf []byte) {
	n, err := unix.Read(st.fd, buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 || err != nil {
		if err == nil {
			err = errors.New("the server ended the stream")
		}
		r.fail(st, err)
		return
	}
	now, head := Now(), st.dec.headDone
	err = st.dec.feed(buf[:n:n], func(data []byte) { r.event(st, data, now) })
	if err != nil {
		r.fail(st, err)
		return
	}
	if !head && st.dec.headDone {
		r.opened++
		st.opened = now
	}
}

func (r *swarmReader) fail(st *stream, err error) {
	r.failed++
	if r.firstErr == nil {
		r.firstErr = fmt.Errorf("stream %d: %w", st.index+1, err)
	}
	st.err = err
	delete(r.byFD, st.fd)
	_ = unix.EpollCtl(r.ep, unix.EPOLL_CTL_DEL, st.fd, nil)
}

// event counts one event.
func (r *swarmReader) event(st *stream, data []byte, now time.Duration) {
	s, ok := readStamp(data)
	if !ok {
		return
	}
	for s.lane >= len(st.lanes) {
		st.lanes = append(st.lanes, lane{})
	}
	for s.lane >= len(r.latency) {
		r.latency = append(r.latency, newHistogram())
	}
	l := &st.lanes[s.lane]
	switch {
	case l.last == 0:
		l.first = s.seq
	case s.seq == l.last:
		l.duplicated++
		return
	case s.seq < l.last:
		l.disordered++
		return
	}
	l.last, l.at = s.seq, now
	l.events++
	r.delivered++
	r.lastEvent = now
	_ = r.latency[s.lane].RecordValue(max(int64((now-s.due)/time.Microsecond), 1))
}

// Count is what all streams have had of a lane.
type Count struct {
	Delivered, Duplicated, OutOfOrder uint64
}

// Count adds up a lane. Streams that are mute are left out.
func (s *Swarm) Count(lane int) Count {
	var c Count
	for _, st := range s.streams {
		st.reader.mu.Lock()
		if lane < len(st.lanes) && !st.mute {
			l := st.lanes[lane]
			c.Delivered += l.events
			c.Duplicated += l.duplicated
			c.OutOfOrder += l.disordered
		}
		st.reader.mu.Unlock()
	}
	return c
}

// CaughtUp returns when each stream that has had event seq of a lane as its last
// got it.
func (s *Swarm) CaughtUp(lane int, seq uint64) []time.Duration {
	var at []time.Duration
	for _, st := range s.streams {
		st.reader.mu.Lock()
		if lane < len(st.lanes) && st.lanes[lane].last == seq {
			at = append(at, st.lanes[lane].at)
		}
		st.reader.mu.Unlock()
	}
	return at
}

// LastEvent is when the last event was read.
func (s *Swarm) LastEvent() time.Duration {
	var last time.Duration
	for _, r := range s.readers {
		r.mu.Lock()
		last = max(last, r.lastEvent)
		r.mu.Unlock()
	}
	return last
}
