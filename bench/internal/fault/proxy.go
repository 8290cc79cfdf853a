package fault

import (
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// Proxy is an http.Handler that stands in front of an upstream and puts faults
// into its event streams. Its methods may be called from any goroutine.
type Proxy struct {
	upstream  *url.URL
	faults    Faults
	transport *http.Transport

	subscribes atomic.Uint64 // requests for a stream

	silence chan struct{} // closed by Drain

	mu       sync.Mutex         // guards what follows
	streams  map[uint64]*stream // open, by when they opened
	opened   uint64             // streams ever
	draining bool
	counts   Counts
}

// NewProxy returns a proxy in front of the server at upstream, an http or https
// URL without a query. A path in it is put before the path of each request. It
// fails if f is not valid.
func NewProxy(upstream *url.URL, f Faults) (*Proxy, error) {
	if (upstream.Scheme != "http" && upstream.Scheme != "https") || upstream.Host == "" {
		return nil, fmt.Errorf("fault: upstream %q: give the server's URL as http://host:port", upstream)
	}
	if upstream.RawQuery != "" || upstream.Fragment != "" {
		return nil, fmt.Errorf("fault: upstream %q: leave out the query and fragment; queries come from the clients", upstream)
	}
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 256 // publishers come by the hundred
	return &Proxy{
		upstream: upstream, faults: f, transport: t,
		silence: make(chan struct{}), streams: map[uint64]*stream{},
	}, nil
}

// ServeHTTP passes a request on, and the answer back.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := p.outgoing(ctx, r)
	if out.Body != nil {
		defer out.Body.Close() // the transport may still be reading it
	}
	resp, err := p.transport.RoundTrip(out)
	if err != nil {
		http.Error(w, fmt.Sprintf("fault: the server behind this one does not answer: %v", err), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	if isStream(resp) {
		p.serveStream(ctx, cancel, w, resp)
		return
	}
	p.copyHeaders(w, resp)
	w.WriteHeader(resp.StatusCode)
	copyBody(w, resp)
}

// serveStream passes an event stream on, or refuses to.
func (p *Proxy) serveStream(ctx context.Context, cancel func(), w http.ResponseWriter, resp *http.Response) {
	conn := connOf(ctx)
	if refused := p.refuse(w, resp); refused {
		return
	}
	if conn == nil && p.faults.Reset > 0 {
		http.Error(w, "fault: a reset needs the connection; set the http.Server's ConnContext to fault.ConnContext", http.StatusInternalServerError)
		return
	}
	s := newStream(w, conn, p.faults, p.silence)
	done, ok := p.register(s)
	if !ok {
		http.Error(w, "this server is draining", http.StatusServiceUnavailable)
		return
	}
	resp.Header.Del("Content-Length") // what is sent has another
	p.copyHeaders(w, resp)
	w.Header().Set("Connection", "close")
	w.WriteHeader(resp.StatusCode)
	_ = s.control.Flush() // run sees the error
	arrivals := make(chan arrival)
	go s.read(ctx, resp.Body, arrivals)
	e := s.run(ctx, arrivals)
	cancel()
	for range arrivals { // until read has ended
	}
	done(e)
	s.finish(e)
}

// refuse answers requests whose streams are refused.
func (p *Proxy) refuse(w http.ResponseWriter, resp *http.Response) bool {
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		http.Error(w, fmt.Sprintf("fault: the server behind this one sends the stream with Content-Encoding %s though it was not asked to; let it send events as they are", coding), http.StatusBadGateway)
		return true
	}
	n := p.subscribes.Add(1)
	if p.faults.Refuse == 0 || n%uint64(p.faults.Refuse) != 0 {
		return false
	}
	p.mu.Lock()
	p.counts.Refused++
	p.mu.Unlock()
	p.faults.strip(w.Header())
	http.Error(w, fmt.Sprintf("subscribe request %d is refused, as every %d-th is", n, p.faults.Refuse), p.faults.refuseStatus())
	return true
}

// outgoing makes the request for the upstream.
func (p *Proxy) outgoing(ctx context.Context, r *http.Request) *http.Request {
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	out.URL.Path = strings.TrimSuffix(p.upstream.Path, "/") + r.URL.Path
	out.URL.RawPath = strings.TrimSuffix(p.upstream.EscapedPath(), "/") + r.URL.EscapedPath()
	out.Host, out.RequestURI, out.Close = p.upstream.Host, "", false
	if r.ContentLength == 0 {
		out.Body = nil // nothing to read: may be sent again on a new connection
	}
	removeHopHeaders(out.Header)
	out.Header.Del("Accept-Encoding")
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header.Set("User-Agent", "") // none, and not the transport's
	}
	return out
}

// copyHeaders gives w an answer's headers.
func (p *Proxy) copyHeaders(w http.ResponseWriter, resp *http.Response) {
	removeHopHeaders(resp.Header)
	maps.Copy(w.Header(), resp.Header)
	p.faults.strip(w.Header())
}

// copyBody sends on the body of an answer that is no event stream, in pieces as they
// come if its length is not known. If the upstream's answer breaks off, so does this
// one.
func copyBody(w http.ResponseWriter, resp *http.Response) {
	var dst io.Writer = w
	if resp.ContentLength < 0 {
		dst = flushing{w, http.NewResponseController(w)}
	}
	if _, err := io.Copy(dst, resp.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// flushing flushes each write.
type flushing struct {
	io.Writer
	control *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}

// isStream reports whether an answer is an event stream.
func isStream(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode == http.StatusOK && resp.Request.Method != http.MethodHead && kind == "text/event-stream"
}

// removeHopHeaders removes the headers of a single connection (RFC 9110, 7.6.1).
func removeHopHeaders(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		h.Del(name)
	}
}
