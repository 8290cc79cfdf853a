package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// cuttingProxy passes connections on, and resets each that is open for longer than life, as
// platforms do.
type cuttingProxy struct {
	addr string
	cut  atomic.Int64 // connections
}

func startCuttingProxy(t *testing.T, dial dialer, life time.Duration) *cuttingProxy {
	t.Helper()
	ln, _ := listenTCP(t)
	p := &cuttingProxy{addr: ln.Addr().String()}
	var conns sync.WaitGroup
	t.Cleanup(func() { ln.Close(); conns.Wait() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { p.pass(client, dial, life) })
		}
	}()
	return p
}

func (p *cuttingProxy) pass(client net.Conn, dial dialer, life time.Duration) {
	defer client.Close()
	upstream, err := dial()
	if err != nil {
		return
	}
	defer upstream.Close()
	timer := time.AfterFunc(life, func() {
		p.cut.Add(1)
		client.(*net.TCPConn).SetLinger(0)
		client.Close()
		upstream.Close()
	})
	defer timer.Stop()
	go io.Copy(upstream, client)
	io.Copy(client, upstream)
}

// With MaxAge below a platform's limit the platform never cuts, and clients see clean ends
// only.
func TestMaxAgeComesBeforeAPlatformsCut(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		t.Parallel()
		const clients, life, run = 20, 2500 * time.Millisecond, 5 * time.Second
		h := newHarness(t, kind, setup{config: server.Config{MaxAge: time.Second, Retry: 20 * time.Millisecond}})
		proxy := startCuttingProxy(t, h.dial, life)
		var stop atomic.Bool
		var readers sync.WaitGroup
		var opened, ends atomic.Int64
		from := h.hub.LastID()
		var last atomic.Int64
		for range clients {
			readers.Go(func() {
				id, next := from, 1
				for !stop.Load() || next <= int(last.Load()) {
					dec, body, err := resumeVia(proxy.addr, id)
					if err != nil {
						t.Error(err)
						return
					}
					opened.Add(1)
					for {
						e, err := dec.Next()
						if err == io.EOF {
							ends.Add(1)
							break
						}
						if err != nil || e.Data != fmt.Sprint(next) {
							t.Errorf("got %+v, %v; want event %d", e, err, next)
							body.Close()
							return
						}
						id, next = e.ID, next+1
						if stop.Load() && next > int(last.Load()) {
							break
						}
					}
					body.Close()
				}
			})
		}
		n := 0
		for end := time.Now().Add(run); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			n++
			h.publish("a", fmt.Sprint(n))
		}
		last.Store(int64(n + 1))
		stop.Store(true)
		h.publish("a", fmt.Sprint(n+1))
		testkit.Within(t, "every client has the last event", readers.Wait)
		if cut := proxy.cut.Load(); cut != 0 {
			t.Errorf("the platform has cut %d of %d streams", cut, opened.Load())
		}
		if ends.Load() < clients*3 {
			t.Errorf("%d streams have ended by age, of %d clients in %v: the test has seen too little", ends.Load(), clients, run)
		}
	})
}

// resumeVia opens a stream of topic a, as an EventSource does.
func resumeVia(addr, id string) (*testkit.Decoder, io.Closer, error) {
	req, err := http.NewRequest("GET", "http://"+addr+"/events?topic=a", nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("User-Agent", "Mozilla/5.0")
	req.Header.Set("Last-Event-ID", id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	if res.StatusCode != 200 {
		return nil, res.Body, fmt.Errorf("answered %s", res.Status)
	}
	return testkit.NewDecoder(res.Body), res.Body, nil
}
