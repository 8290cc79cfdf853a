package load

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// Askers are the clients of a swarm that make its request again and again, for streams that
// end. They read with net/http, use connections again, and are no streams that it counts.
type Askers struct {
	swarm  *Swarm
	client *http.Client
}

// NewAskers prepares n clients of a swarm that opens no streams, and logs them in.
func NewAskers(ctx context.Context, s *Swarm, n int) *Askers {
	s.raw = false // net/http takes a redirection to https as well
	s.logIn(ctx, n)
	for i := range n {
		st := &stream{index: i, meter: s.meters[0]}
		if s.logins != nil {
			st.login = s.loggedIn[i]
		}
		s.streams = append(s.streams, st)
	}
	return &Askers{s, &http.Client{Transport: s.dialer.transport(s.request.TLS, n, s.request.HTTP2), CheckRedirect: dontFollow}}
}

// Ask makes the request of a client, and returns the answer, whose body is a stream and is
// closed by the caller. Several clients may ask at a time. StatusOf says which errors are answers.
func (a *Askers) Ask(ctx context.Context, client int) (*http.Response, error) {
	st := a.swarm.streams[client]
	for {
		asks, err := a.swarm.asks(st)
		if err != nil {
			return nil, err
		}
		req, err := asks.request(ctx)
		if err != nil {
			return nil, err
		}
		res, err := a.client.Do(req)
		if err != nil {
			return nil, explained(err)
		}
		if res.StatusCode == http.StatusOK {
			return a.stream(res)
		}
		if err := a.swarm.follow(st, refused(res)); err != nil {
			return nil, err
		}
	}
}

// stream is an answer with its body decoded.
func (a *Askers) stream(res *http.Response) (*http.Response, error) {
	encoding := res.Header.Get("Content-Encoding")
	if err := noStream(res, a.swarm.request.Compress); err != nil {
		return nil, err
	}
	plain, err := a.swarm.traffic.decode(res.Body, encoding)
	res.Body = struct {
		io.Reader
		io.Closer
	}{plain, res.Body}
	if err != nil {
		_ = res.Body.Close()
	}
	return res, err
}

// Close closes the connections.
func (a *Askers) Close() { a.client.CloseIdleConnections() }

// StatusOf is the status of an answer that was no stream; zero: there was no answer.
func StatusOf(err error) int {
	if no, ok := errors.AsType[*refusal](err); ok {
		return no.code
	}
	return 0
}
