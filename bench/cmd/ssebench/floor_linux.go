package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// floorCommand serves what bench serve serves, with the least work that a kernel
// requires: a loop of write(2) over all sockets, one system call per delivery, in
// as many threads as there are processors. It has no topics and no heartbeats, does
// not care for slow readers, never ends a stream, and its ids cannot be resumed
// from. It is the limit to compare with.
type floorCommand struct {
	Addr string `default:"127.0.0.1:8081" help:"Address to listen on; port 0 takes a free one."`
}

// Run serves until ctx is done.
func (f *floorCommand) Run(ctx context.Context, con *console) error {
	ln, err := net.Listen("tcp", f.Addr)
	if err != nil {
		return fmt.Errorf("listen on %q: %w; choose another with -addr", f.Addr, err)
	}
	s := &floorServer{}
	for range runtime.GOMAXPROCS(0) {
		t := &floorThread{frames: make(chan []byte, 1024)}
		s.threads = append(s.threads, t)
		go t.run()
	}
	fmt.Fprintf(con.out, "serving http://%s/events?topic=T\n", ln.Addr())
	go func() {
		<-ctx.Done()
		_ = ln.Close()
	}()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on %v: %w", ln.Addr(), err)
		}
		go s.serve(c.(*net.TCPConn))
	}
}

type floorServer struct {
	threads []*floorThread

	mu  sync.Mutex // guards what follows, and the order of frames
	n   int        // sockets dealt out
	seq uint64
}

// serve reads requests: a GET makes the socket a reader, a POST publishes.
func (s *floorServer) serve(c *net.TCPConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.Method == http.MethodGet {
			s.subscribe(c)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		answer := s.publish(body)
		if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer); err != nil {
			return
		}
	}
}

func (s *floorServer) subscribe(c *net.TCPConn) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	if _, err := c.Write([]byte(head)); err != nil {
		return
	}
	file, err := c.File() // a duplicate, blocking
	if err != nil {
		return
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil || unix.SetNonblock(fd, true) != nil {
		fmt.Fprintf(os.Stderr, "bench: floor: keep a socket: %v\n", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.threads[s.n%len(s.threads)]
	s.n++
	t.add(fd)
}

// publish hands the frame, the same bytes as fastsse's, to every thread.
func (s *floorServer) publish(body []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	id := "floor000-" + strconv.FormatUint(s.seq, 10)
	block := fmt.Appendf(nil, "data: %s\nid: %s\n\n", body, id)
	frame := fmt.Appendf(nil, "%x\r\n%s\r\n", len(block), block)
	for _, t := range s.threads {
		t.frames <- frame
	}
	return `{"id":"` + id + `"}`
}

// floorThread writes to its share of the sockets.
type floorThread struct {
	frames chan []byte

	mu  sync.Mutex // guards fds
	fds []int
}

func (t *floorThread) add(fd int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fds = append(t.fds, fd)
}

func (t *floorThread) run() {
	runtime.LockOSThread()
	for frame := range t.frames {
		t.mu.Lock()
		p := uintptr(unsafe.Pointer(&frame[0]))
		for i := 0; i < len(t.fds); i++ {
			// What a full socket does not take is lost: this is not meant as a server.
			_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(t.fds[i]), p, uintptr(len(frame)))
			if errno != 0 && errno != unix.EAGAIN {
				unix.Close(t.fds[i])
				t.fds[i] = t.fds[len(t.fds)-1]
				t.fds = t.fds[:len(t.fds)-1]
				i--
			}
		}
		runtime.KeepAlive(frame)
		t.mu.Unlock()
	}
}
