package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// keptBody is how much of an answer that is no stream a StatusError has, and bodyTime how long
// the client waits for it: the body may be a stream that never ends.
const (
	keptBody = 4 << 10
	bodyTime = time.Second
)

// passes is whether an answer with this status, which is not 200, may be another one later: the
// default of RetryStatus.
func passes(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refused says what an answer means that is no stream. It cancels the request if the answer's
// body takes too long.
func (l *loop) refused(resp *http.Response, body io.Reader, cancel func()) (e end, refused bool) {
	problem := ""
	switch resp.StatusCode {
	case http.StatusNoContent:
		return end{final: true}, true
	case http.StatusOK:
		if problem = notAStream(resp.Header); problem == "" {
			return end{}, false
		}
	}
	err := &StatusError{Method: l.Method, URL: l.url.Redacted(), StatusCode: resp.StatusCode, Header: resp.Header, problem: problem}
	defer time.AfterFunc(bodyTime, cancel).Stop()
	err.Body, _ = io.ReadAll(io.LimitReader(body, keptBody)) // what of it has come
	final := l.Once || problem != "" || !l.RetryStatus(resp.StatusCode)
	return end{err: err, final: final, after: err.RetryAfter()}, true
}

// notAStream says why a response with the status 200 is no stream that can be read; empty: it is.
func notAStream(h http.Header) string {
	kind := h.Get("Content-Type")
	if essence, _, _ := mime.ParseMediaType(kind); essence != "text/event-stream" {
		return fmt.Sprintf("its Content-Type is %q, not text/event-stream", kind)
	}
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fmt.Sprintf("its Content-Encoding is %q, though the request has Accept-Encoding: identity", coding)
	}
	return ""
}

// unopened is the end of an attempt that got no answer.
func (l *loop) unopened(ctx context.Context, resp *http.Response, err error) end {
	var certificate *tls.CertificateVerificationError
	final := resp != nil // a redirect that the http.Client does not follow
	if errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch) {
		final = !l.opened
	}
	var ofURL *url.Error
	if errors.As(err, &ofURL) {
		err = ofURL.Err // the URL is said elsewhere
	}
	if errors.Is(err, io.EOF) { // of the connection: io.EOF alone would be the end of a stream
		err = fmt.Errorf("%w before the answer (%v)", io.ErrUnexpectedEOF, err)
	}
	return end{err: l.why(ctx, err), final: final}
}

// why returns the error that has ended a connection: a read timeout in place of the error that
// it has brought about.
func (l *loop) why(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), ErrReadTimeout) || err == io.EOF {
		return err
	}
	// A connection of HTTP/2 is kept when a stream of it ends, and would be used again.
	l.Client.CloseIdleConnections()
	return fmt.Errorf("%w (%v)", ErrReadTimeout, l.ReadTimeout)
}
