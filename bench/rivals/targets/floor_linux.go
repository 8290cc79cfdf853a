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
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() { targets["floor"] = floor }

// floor serves the same bytes as fastsse with the least work that a kernel requires: a loop
// of write(2) over all sockets, one system call per delivery, in as many threads as there
// are processors. It has one topic and no heartbeats, does not care for slow readers, never
// ends a stream nor notices that one has ended, and its ids cannot be resumed from. It is the limit to compare with.
func floor(ctx context.Context, addr string) error {
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	s := &floorServer{}
	for range runtime.GOMAXPROCS(0) {
		t := &floorThread{frames: make(chan []byte, 1024)}
		s.threads = append(s.threads, t)
		go t.run()
	}
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go s.serve(c.(*net.TCPConn))
	}
}

type floorServer struct {
	threads []*floorThread

	mu      sync.Mutex // guards what follows, and the order of frames
	sockets int        // dealt out
	seq     uint64
}

// serve reads requests: a GET makes the socket a stream, a POST publishes.
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
		s.publish(body)
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

func (s *floorServer) subscribe(c *net.TCPConn) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	if _, err := io.WriteString(c, head); err != nil {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	fd := -1
	_ = raw.Control(func(its uintptr) { fd, err = unix.FcntlInt(its, unix.F_DUPFD_CLOEXEC, 0) }) // which does not block
	if err != nil || fd < 0 {
		fmt.Fprintf(os.Stderr, "floor: keep a socket: %v\n", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.threads[s.sockets%len(s.threads)].add(fd)
	s.sockets++
}

// publish hands the frame to every thread.
func (s *floorServer) publish(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	block := fmt.Appendf(nil, "data: %s\nid: floor000-%d\n\n", data, s.seq)
	frame := fmt.Appendf(nil, "%x\r\n%s\r\n", len(block), block)
	for _, t := range s.threads {
		t.frames <- frame
	}
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
		for _, fd := range t.fds {
			// What a full socket does not take is lost: this is not meant as a server.
			_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), p, uintptr(len(frame)))
		}
		runtime.KeepAlive(frame)
		t.mu.Unlock()
	}
}
