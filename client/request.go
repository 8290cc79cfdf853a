package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse"
)

// prepare checks the settings, and fills in the defaults.
func (l *loop) prepare() error {
	if l.Method == "" {
		l.Method = http.MethodGet
		if l.Body != nil {
			l.Method = http.MethodPost
		}
	}
	for _, check := range []func() error{l.prepareURL, l.checkHeader, l.checkID, l.prepareTimes, l.checkBounds} {
		if err := check(); err != nil {
			return fmt.Errorf("client: EventSource: %w", err)
		}
	}
	if l.GapType == "" {
		l.GapType = "gap"
	}
	if l.RetryStatus == nil {
		l.RetryStatus = passes
	}
	if l.Client == nil {
		l.Client = sharedClient()
	}
	l.id, l.resumeAt = l.LastEventID, l.LastEventID
	l.wait = wait{base: l.Retry, most: l.MaxRetry}
	return nil
}

func (l *loop) prepareURL() error {
	u, err := url.Parse(l.URL)
	if ofURL, ok := errors.AsType[*url.Error](err); ok { // its text has the URL, and a password in it
		err = fmt.Errorf("parse URL: %w", ofURL.Err)
	}
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fastsse.NewFieldError("URL", u.Redacted(), "is not that of a web server", "give one such as https://example.org/events")
	}
	l.url, l.name = u, l.Method+" "+u.Redacted()
	return nil
}

// checkHeader refuses what net/http would refuse at each attempt.
func (l *loop) checkHeader() error {
	for name, values := range l.Header {
		if http.CanonicalHeaderKey(name) == "Last-Event-Id" {
			return fastsse.NewFieldError("Header", name, "is sent by the client itself", "set EventSource.LastEventID")
		}
		if name == "" || strings.IndexFunc(name, notInName) >= 0 {
			return fastsse.NewFieldError("Header", name, "is no name of a header", "use letters, digits and '-'")
		}
		for _, v := range values {
			if !fitsHeader(v) {
				return fastsse.NewFieldError("Header", name, "has a value with control characters", "remove them")
			}
		}
	}
	return nil
}

func (l *loop) checkID() error {
	if !fitsHeader(l.LastEventID) {
		return fastsse.NewFieldError("LastEventID", l.LastEventID, "holds control characters, which no header can carry", "begin at another event's ID")
	}
	return nil
}

func (l *loop) prepareTimes() error {
	silence := time.Minute
	if l.Once {
		silence = 10 * time.Minute
	}
	for _, t := range []struct {
		name      string
		d         *time.Duration
		zero      time.Duration
		belowZero bool
	}{{"Retry", &l.Retry, 3 * time.Second, false}, {"MaxRetry", &l.MaxRetry, 30 * time.Second, false}, {"ReadTimeout", &l.ReadTimeout, silence, true}} {
		switch {
		case *t.d == 0:
			*t.d = t.zero
		case *t.d < 0 && !t.belowZero:
			return fastsse.NewFieldError(t.name, t.d.String(), "is negative", "give a duration such as 3s, or zero for the default")
		case *t.d > 0 && *t.d < time.Millisecond:
			return fastsse.NewFieldError(t.name, t.d.String(), "is below one millisecond", "give a duration such as 3s, or zero for the default")
		}
	}
	return nil
}

// checkBounds refuses what would end each stream.
func (l *loop) checkBounds() error {
	if l.MaxEvent < 0 {
		return fastsse.NewFieldError("MaxEvent", strconv.Itoa(l.MaxEvent), "is negative", "give a number of bytes, or zero for the default")
	}
	if l.Client != nil && l.Client.Timeout != 0 {
		return fastsse.NewFieldError("Client.Timeout", l.Client.Timeout.String(), "would end each stream", "leave it zero; EventSource.ReadTimeout bounds silence")
	}
	return nil
}

// request is the request of the next attempt.
func (l *loop) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if l.Body != nil {
		body = bytes.NewReader(l.Body) // net/http sends it again after a redirect
	}
	req, err := http.NewRequestWithContext(ctx, l.Method, l.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "fastsse-client")
	for name, values := range l.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if l.resumeAt != "" {
		req.Header.Set("Last-Event-ID", l.resumeAt)
	}
	return req, nil
}

// fitsHeader reports whether net/http sends s as a header's value.
func fitsHeader(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) < 0
}

// notInName reports whether no header's name has c (RFC 9110, section 5.6.2).
func notInName(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c)
}

// sharedClient is what an EventSource without a Client uses. A connection of HTTP/2 whose
// other side has vanished would be used for the next attempt, too, so that it is asked for a
// sign of life.
var sharedClient = sync.OnceValue(func() *http.Client {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultClient
	}
	t = t.Clone()
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second}
	return &http.Client{Transport: t}
})
