package fault

import (
	"context"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy stands in front of an upstream and puts faults into its event streams.
type Proxy struct {
	faults     Faults
	behind     *httputil.ReverseProxy
	subscribes atomic.Uint64   // requests for a stream
	serving    context.Context // until it is done

	mu     sync.Mutex // guards what follows
	stall  time.Time  // when it begins; zero before the first event
	counts Counts
}

// Counts says what was done so far, faults whose effect the client did not stay to see
// included.
type Counts struct {
	Streams                        uint64 // that were passed on and have ended
	Dropped, Duplicated, Reordered uint64 // events
	Cut, Reset                     uint64 // streams
	Refused                        uint64 // requests
}

// String returns the counts in one line.
func (c Counts) String() string {
	return fmt.Sprintf("%d streams; events: %d dropped, %d duplicated, %d reordered; streams: %d cut, %d reset, %d refused",
		c.Streams, c.Dropped, c.Duplicated, c.Reordered, c.Cut, c.Reset, c.Refused)
}

// NewProxy returns a proxy that serves until ctx is done, in front of the server at upstream,
// an http or https URL without a query. A path in it is put before the path of each request.
func NewProxy(ctx context.Context, upstream *url.URL, f Faults) (*Proxy, error) {
	if strings.TrimSuffix(upstream.Scheme, "s") != "http" || upstream.Host == "" || upstream.RawQuery+upstream.Fragment != "" {
		return nil, fmt.Errorf("fault: upstream %q: give the server's URL as http://host:port; queries come from the clients", upstream)
	}
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 256 // publishers come by the hundred
	p := &Proxy{faults: f, serving: ctx}
	p.behind = &httputil.ReverseProxy{
		Transport: t, ModifyResponse: p.answer, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Del("Accept-Encoding")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, fmt.Sprintf("fault: the server behind this one does not answer: %v", err), http.StatusBadGateway)
		},
	}
	return p, nil
}

// Counts returns what was done so far. It may be called at any time.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// count adds one to a field of p.counts.
func (p *Proxy) count(n *uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
}

// stallAfter is how long after the first event of all streams they stall.
const stallAfter = time.Second

// due is when to send what came at now.
func (p *Proxy) due(now time.Time, event bool) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if event {
		if p.stall.IsZero() {
			p.stall = now.Add(stallAfter)
		}
		now = now.Add(p.faults.Delay)
	}
	if end := p.stall.Add(p.faults.Stall); !now.Before(p.stall) && now.Before(end) {
		return end
	}
	return now
}

const (
	headTimeout = 10 * time.Second // for a request's head
	cutTimeout  = 2 * time.Second  // for the last write before a cut
	endTimeout  = 3 * time.Second  // for requests still open once the streams have ended
)

// connKey finds the connection in a request's context.
type connKey struct{}

// Serve serves on ln, which it owns, and in the end ends all streams cleanly, at once.
func (p *Proxy) Serve(ln net.Listener) error {
	srv := &http.Server{Handler: http.HandlerFunc(p.handle), ReadHeaderTimeout: headTimeout}
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %v: %w", ln.Addr(), err)
	case <-p.serving.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.serving), endTimeout)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close() // connections whose clients take nothing
	}
	return nil
}

func (p *Proxy) handle(w http.ResponseWriter, r *http.Request) {
	for _, name := range p.faults.Strip {
		w.Header()[http.CanonicalHeaderKey(name)] = nil // so that net/http adds none of its own
	}
	p.behind.ServeHTTP(w, r)
}

func (p *Proxy) answer(res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && res.Request.Method != http.MethodHead && kind == "text/event-stream" {
		if coding := res.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
			return fmt.Errorf("it sends the stream with Content-Encoding %s though it was not asked to; let it send events as they are", coding)
		}
		p.answerStream(res)
	}
	for _, name := range p.faults.Strip {
		res.Header.Del(name)
	}
	return nil
}

// answerStream passes a stream on, or refuses to.
func (p *Proxy) answerStream(res *http.Response) {
	n := p.subscribes.Add(1)
	switch {
	case p.serving.Err() != nil:
		refuse(res, http.StatusServiceUnavailable, "this server is ending")
	case p.faults.Refuse > 0 && n%uint64(p.faults.Refuse) == 0:
		p.count(&p.counts.Refused)
		refuse(res, p.faults.refuseStatus(), fmt.Sprintf("subscribe request %d is refused, as every %d-th is", n, p.faults.Refuse))
	default:
		res.Header.Set("Connection", "close")
		res.Header.Del("Content-Length") // what is sent has another
		res.Body = p.newStream(res.Body, res.Request.Context().Value(connKey{}).(*net.TCPConn))
	}
}

// refuse makes another answer of a stream.
func refuse(res *http.Response, status int, text string) {
	_ = res.Body.Close()
	res.StatusCode, res.Header = status, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	res.Body = io.NopCloser(strings.NewReader(text + "\n"))
}
