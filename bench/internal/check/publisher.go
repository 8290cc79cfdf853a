package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/template"
	"time"
)

// publication is an event that was published.
type publication struct {
	n  int
	at time.Time // just before its request was sent
}

// publisher posts numbered events, one after the other.
type publisher struct {
	endpoint
	client  http.Client
	body    *template.Template
	run     string
	n       int
	padding string // after the mark
}

func newPublisher(c *Config) (*publisher, error) {
	e, err := c.endpoint(c.PublishURL, c.PublishMethod, "", c.PublishHeader)
	if err != nil {
		return nil, err
	}
	p := &publisher{endpoint: e, run: rand.Text()[:12]}
	p.client.Timeout, p.client.Transport = connectWithin, e.transport()
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if p.body, err = template.New("").Option("missingkey=error").Parse(cmp.Or(c.PublishBody, "{{.Message}}")); err != nil {
		return nil, fmt.Errorf("check: read -publish-body %q: %w", c.PublishBody, err)
	}
	filled, err := p.fill(mark(p.run, 1))
	if err != nil {
		return nil, fmt.Errorf("check: fill -publish-body %q: %w; it knows {{.Message}} only", c.PublishBody, err)
	}
	if !strings.Contains(filled, mark(p.run, 1)) {
		return nil, fmt.Errorf("check: -publish-body %q has no {{.Message}}; put it where the event's data goes", c.PublishBody)
	}
	return p, nil
}

func (p *publisher) fill(message string) (string, error) {
	var b strings.Builder
	err := p.body.Execute(&b, map[string]string{"Message": message})
	return b.String(), err
}

// publish posts the next event.
func (p *publisher) publish(ctx context.Context) (publication, error) {
	p.n++
	body, err := p.fill(mark(p.run, p.n) + p.padding)
	if err != nil {
		return publication{}, err
	}
	req, err := p.newRequest(ctx, p.method, body, http.Header{"Content-Type": {"text/plain"}}, nil)
	if err != nil {
		return publication{}, err
	}
	at := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		return publication{}, fmt.Errorf("event %d was not published: %w", p.n, err)
	}
	defer func() { _ = res.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // only for the error
	if res.StatusCode/100 == 2 {
		return publication{p.n, at}, nil
	}
	if to, err := res.Location(); err == nil {
		return publication{}, fmt.Errorf("%s %s is redirected to %s (%s): give that as -publish-url", p.method, &p.endpoint, to, res.Status)
	}
	return publication{}, fmt.Errorf("%s %s answered %s: %s", p.method, &p.endpoint, res.Status, quote(string(bytes.TrimSpace(said))))
}
