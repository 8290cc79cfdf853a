package load

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"time"
)

// httpPoster posts with net/http, one event after the other: TLS.
type httpPoster struct {
	client *http.Client
	once   bool // net/http does not try again by itself, unnoticed
}

func newHTTPPoster(p *Publishing, d *dialer) *httpPoster {
	return &httpPoster{client: &http.Client{Transport: d.transport(p.TLS, 1, true), CheckRedirect: dontFollow}}
}

func (h *httpPoster) post(ctx context.Context, a *ask, _ values) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if h.once {
		req.GetBody = nil
	}
	res, err := h.client.Do(req)
	if err != nil {
		return explained(err)
	}
	return taken(res)
}

func (h *httpPoster) await(context.Context, uint64) error { return nil }
func (h *httpPoster) close()                              { h.client.CloseIdleConnections() }

// awaitFewer waits until fewer than most events are left, and looks every millisecond.
func awaitFewer(ctx context.Context, most uint64, left func() (uint64, error)) error {
	for {
		if n, err := left(); err != nil || n < most {
			return err
		}
		if !sleepUntil(ctx, Now()+time.Millisecond) {
			return ctx.Err()
		}
	}
}

// commandPoster runs a command for each event, one after the other.
type commandPoster struct {
	args []text
}

func newCommandPoster(command []string, sample values) (*commandPoster, error) {
	c := &commandPoster{}
	if _, err := exec.LookPath(command[0]); err != nil {
		return nil, fmt.Errorf("publish with the command %q: %w", command[0], err)
	}
	for _, arg := range command {
		t, err := parseText(arg)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, t)
	}
	_, err := c.filled(sample)
	return c, err
}

func (c *commandPoster) filled(v values) (args []string, err error) {
	for _, t := range c.args {
		arg, err := t.fill(v)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

func (c *commandPoster) post(ctx context.Context, a *ask, v values) error {
	args, err := c.filled(v)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(a.body)
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
