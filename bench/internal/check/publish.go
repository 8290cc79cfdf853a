package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mark is the data of the n-th event that a run publishes.
func mark(run string, n int) string { return "check " + run + " " + strconv.Itoa(n) }

// numberOf finds the number of an event of this run in its data, wherever the server
// has put it.
func numberOf(data, run string) (n int, ok bool) {
	_, rest, found := strings.Cut(data, "check "+run+" ")
	if !found {
		return 0, false
	}
	end := 0
	for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(rest[:end])
	return n, err == nil
}

// publication is an event that was published.
type publication struct {
	n  int
	at time.Time // just before its request was sent
}

// publisher posts numbered events, one after the other.
type publisher struct {
	url    string
	header http.Header
	client *http.Client
	run    string
	n      int

	padding string // after the mark
}

func newPublisher(c *Config) (*publisher, error) {
	if _, err := newTarget(c.PublishURL, nil, false); err != nil {
		return nil, err
	}
	run := make([]byte, 6)
	_, _ = rand.Read(run) // never fails
	return &publisher{
		url: c.PublishURL, header: c.PublishHeader, run: hex.EncodeToString(run),
		client: &http.Client{
			Timeout:       connectWithin,
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: c.Insecure}, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// publish posts the next event.
func (p *publisher) publish(ctx context.Context) (publication, error) {
	p.n++
	req, err := http.NewRequestWithContext(ctx, "POST", p.url, strings.NewReader(mark(p.run, p.n)+p.padding))
	if err != nil {
		return publication{}, err
	}
	req.Header.Set("Content-Type", "text/plain")
	for name, values := range p.header {
		req.Header[name] = values
	}
	if host := p.header.Get("Host"); host != "" {
		req.Host = host
	}
	at := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		return publication{}, fmt.Errorf("event %d was not published: %w", p.n, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // only for the error
	if res.StatusCode/100 != 2 {
		return publication{}, fmt.Errorf("POST %s answered %s: %s", p.url, res.Status, quote(string(bytes.TrimSpace(body))))
	}
	return publication{p.n, at}, nil
}

// publishSome posts n events, the given time apart.
func (p *publisher) publishSome(ctx context.Context, n int, apart time.Duration) ([]publication, error) {
	var sent []publication
	for i := range n {
		if i > 0 && !sleep(ctx, apart) {
			return sent, ctx.Err()
		}
		e, err := p.publish(ctx)
		if err != nil {
			return sent, err
		}
		sent = append(sent, e)
	}
	return sent, nil
}

func (p *publisher) close() { p.client.CloseIdleConnections() }

// sleep returns false if ctx is done first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
