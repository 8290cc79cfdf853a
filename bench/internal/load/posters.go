package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"
)

// httpPoster posts with net/http, one event after the other: TLS.
type httpPoster struct {
	client *http.Client
	p      *Publishing
	header http.Header
}

func newHTTPPoster(p *Publishing) (*httpPoster, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("publish to URL %q: give one that begins with https:// and a host (%v)", p.URL, err)
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: p.Insecure}, ForceAttemptHTTP2: true}
	return &httpPoster{
		client: &http.Client{Transport: t, CheckRedirect: dontFollow},
		p:      p, header: complete(p.Header, u, "Content-Type", "text/plain"),
	}, nil
}

func (h *httpPoster) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, h.p.Method, h.p.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header, req.Host = h.header.Clone(), h.header.Get("Host")
	res, err := h.client.Do(req)
	if err != nil {
		return err
	}
	return taken(res)
}

func (h *httpPoster) await(context.Context, uint64) error { return nil }
func (h *httpPoster) close()                              { h.client.CloseIdleConnections() }

// commandPoster runs a command for each event, one after the other.
type commandPoster struct {
	args []func(message string) ([]byte, error)
}

func newCommandPoster(command []string) (*commandPoster, error) {
	c := &commandPoster{}
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, fmt.Errorf("publish with the command %q: %w", command[0], err)
	}
	for _, arg := range command {
		fill := func(string) ([]byte, error) { return []byte(arg), nil }
		if strings.Contains(arg, "{{") {
			var err error
			if fill, err = filler(arg); err != nil {
				return nil, err
			}
		}
		c.args = append(c.args, fill)
	}
	return c, nil
}

func (c *commandPoster) post(ctx context.Context, body []byte) error {
	var args []string
	for _, fill := range c.args {
		arg, err := fill(string(body))
		if err != nil {
			return err
		}
		args = append(args, string(arg))
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(body)
	cmd.WaitDelay = time.Second // for its children, which may keep its output open
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil { // it was killed: how it died says nothing
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("run %q: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func (c *commandPoster) await(context.Context, uint64) error { return nil }
func (c *commandPoster) close()                              {}
