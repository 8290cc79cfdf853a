package check

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Config says what is checked. Only URL is needed.
type Config struct {
	// URL is the stream's address: http, https, or unix:/path/of/socket:/events for a
	// server that listens on a unix socket. The proxies in front of it are checked with it.
	URL string

	// Direct is the URL of the same stream that bypasses the proxy. Differences
	// between the two are blamed on the proxy. Empty: not compared.
	Direct string

	// Header is sent with every request for the stream, by Method (empty: GET) with Body.
	// Some thirty streams are opened.
	Header http.Header
	Method string
	Body   string

	// PublishURL takes an event of that stream by PublishMethod (empty: POST), and answers
	// 2xx. PublishBody is a template with {{.Message}} where the event's data goes; empty:
	// the data is the whole body. Without a URL, checks that need published events are
	// skipped.
	PublishURL    string
	PublishHeader http.Header
	PublishMethod string
	PublishBody   string

	// For is how long to read a stream without publishing. Zero means 10 s.
	For time.Duration

	// Origin is a page's origin, such as https://example.org, that CORS must allow.
	// Empty: CORS is not checked.
	Origin string

	// TLS has the client's certificates, and says which of the server it trusts. Nil: the
	// system's.
	TLS *tls.Config

	// GapType is the type of the event that tells a client that it has missed
	// events. Empty means "gap".
	GapType string

	// Progress, if set, is called with what is being done.
	Progress func(doing string)

	pace pace
}

// pace is how long the checks wait.
type pace struct {
	head    time.Duration // what an answer may take, and its first byte
	back    time.Duration // the longest time before coming back to a stream that has ended
	spacing time.Duration // between two published events
	wider   time.Duration // the same, if they did not come one by one
	held    time.Duration // how long a published event is waited for
	grace   time.Duration // how long to wait for something that must not come
	silent  time.Duration // a stream without a sign of life for so long has failed
	quiet   time.Duration // the longest silence between two signs of life
}

var defaultPace = pace{
	head: time.Second, back: 3 * time.Second,
	spacing: 200 * time.Millisecond, wider: 500 * time.Millisecond, held: 3 * time.Second, grace: 300 * time.Millisecond,
	silent: 20 * time.Second, quiet: 30 * time.Second,
}

// complete sets defaults in place of zero values, and refuses what cannot be meant.
func (c *Config) complete() error {
	c.For, c.GapType, c.pace = cmp.Or(c.For, 10*time.Second), cmp.Or(c.GapType, "gap"), cmp.Or(c.pace, defaultPace)
	c.Method, c.PublishMethod = cmp.Or(c.Method, "GET"), cmp.Or(c.PublishMethod, "POST")
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.For < 0 {
		return fmt.Errorf("check: listen for %v: the time is negative; give one such as 10s", c.For)
	}
	if c.Origin != "" && !strings.Contains(c.Origin, "://") {
		return fmt.Errorf("check: origin %q has no scheme; give it as a browser sends it, such as https://example.org", c.Origin)
	}
	return nil
}
