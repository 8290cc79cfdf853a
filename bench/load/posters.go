package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
)

// httpPoster posts with net/http, one event after the other: TLS.
type httpPoster struct {
	client *http.Client
	p      *Publishing
}

func newHTTPPoster(p *Publishing) (*httpPoster, error) {
	if _, err := checkURL(p.URL); err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: p.Insecure}, ForceAttemptHTTP2: true}
	return &httpPoster{client: &http.Client{Transport: t}, p: p}, nil
}

func (h *httpPoster) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, h.p.Method, h.p.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain")
	for name, values := range h.p.Header {
		req.Header[name] = values
	}
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
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %q: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func (c *commandPoster) await(context.Context, uint64) error { return nil }
func (c *commandPoster) close()                              {}
