package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fastsse/fastsse"
)

// ErrReadTimeout is wrapped by the error that [EventSource.OnReconnect] is told, or that ends a
// loop with Once, when no byte has come for [EventSource.ReadTimeout].
var ErrReadTimeout = errors.New("no byte has come within the read timeout")

// StatusError is an answer that is no event stream.
type StatusError struct {
	Method, URL string // of the request; a password in the URL is left out
	StatusCode  int
	Header      http.Header
	Body        []byte // its first 4 KiB, or what of them has come within a second

	problem string // if the status is not the problem
}

// Error returns the status and the beginning of the body.
func (e *StatusError) Error() string {
	said := e.problem
	if said == "" {
		said = strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + http.StatusText(e.StatusCode))
	}
	if body := strings.TrimSpace(string(e.Body)); body != "" {
		said += fmt.Sprintf(": %q", fastsse.Shorten(body))
	}
	return fmt.Sprintf("client: %s %s: the answer is no event stream: %s", e.Method, e.URL, said)
}

// RetryAfter is how long the server asks clients to stay away, by the header Retry-After:
// seconds, or a date. Zero means that it does not, or that the date is over.
func (e *StatusError) RetryAfter() time.Duration {
	value := e.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
