package load

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// Askers are clients that make a request again and again, for streams that end. Each has
// its own login and values of {{…}}. They read with net/http, and use connections again.
type Askers struct {
	swarm  *Swarm // whose streams are the clients
	client *http.Client
}

// NewAskers prepares n clients, and logs them in.
func NewAskers(ctx context.Context, r Request, n int) (*Askers, error) {
	s := &Swarm{request: r}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	s.raw = false // net/http takes a redirection to https as well
	s.logIn(ctx, n)
	a := &Askers{swarm: s, client: &http.Client{Transport: s.dialer.transport(r.TLS, n, r.HTTP2), CheckRedirect: dontFollow}}
	for i := range n {
		st := &stream{index: i}
		if s.logins != nil {
			st.login = s.loggedIn[i]
		}
		s.streams = append(s.streams, st)
	}
	return a, nil
}

// Ask makes the request of a client, and returns the body of the stream that answers it,
// which the caller closes. Several clients may ask at a time. StatusOf says which errors are
// answers.
func (a *Askers) Ask(ctx context.Context, client int) (io.ReadCloser, error) {
	st := a.swarm.streams[client]
	for {
		res, err := a.send(ctx, st)
		if err != nil {
			return nil, explained(err)
		}
		if res.StatusCode == http.StatusOK {
			return a.body(res)
		}
		if err := a.swarm.follow(st, refused(res)); err != nil {
			return nil, err
		}
	}
}

func (a *Askers) send(ctx context.Context, st *stream) (*http.Response, error) {
	asks, err := a.swarm.asks(st)
	if err != nil {
		return nil, err
	}
	req, err := asks.request(ctx)
	if err != nil {
		return nil, err
	}
	return a.client.Do(req)
}

func (a *Askers) body(res *http.Response) (io.ReadCloser, error) {
	encoding := res.Header.Get("Content-Encoding")
	if err := noStream(res.Header.Get("Content-Type"), encoding, a.swarm.request.Compress); err != nil {
		no := refused(res)
		no.what = err.Error()
		return nil, no
	}
	plain, err := a.swarm.traffic.decode(res.Body, encoding)
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, res.Body}, nil
}

// Close closes the connections of all clients.
func (a *Askers) Close() {
	a.client.CloseIdleConnections()
	if a.swarm.logins != nil {
		a.swarm.logins.client.CloseIdleConnections()
	}
}

// PerAddress is how many ports the clients take at one local address, at most.
func (a *Askers) PerAddress() int { return a.swarm.PerAddress() }

// StatusOf is the status of an answer that was no stream; zero: there was no answer.
func StatusOf(err error) int {
	if no, ok := errors.AsType[*refusal](err); ok {
		return no.code
	}
	return 0
}
