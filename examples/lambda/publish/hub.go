package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// publisher publishes each message at most once. It tries again only where it is certain
// that nothing was published: no connection was made, or the hub said 503. When a
// request was sent and no answer came, nobody knows: the caller is told so, because a
// second publish would be a second event, even with an id of its own.
type publisher struct {
	url, token string
	client     *http.Client
	timeout    time.Duration // for all tries together
}

// newPublisher needs an http or https URL without a path, and a token.
func newPublisher(hub, token string) (*publisher, error) {
	u, err := url.Parse(hub)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("cannot publish to HUB_URL %q; set it to a hub such as https://feed.example.com", hub)
	}
	if token == "" {
		return nil, errors.New("cannot publish without HUB_TOKEN; set it to the token of the hub's /publish")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// A connection is not kept for long: while Lambda freezes the function, the hub may close it.
	transport.IdleConnTimeout = 20 * time.Second
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &publisher{u.JoinPath("publish").String(), token, client, 5 * time.Second}, nil
}

// post asks the hub once. again says that nothing was published, and that it may be asked
// again.
func (p *publisher) post(ctx context.Context, body []byte) (resp events.LambdaFunctionURLResponse, again bool) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return answer(http.StatusBadGateway, refusal{err.Error(), "no"}), false
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	got, err := p.client.Do(req)
	if err != nil && !connected.Load() {
		return answer(http.StatusBadGateway, refusal{fmt.Sprintf("cannot reach the hub: %v", err), "no"}), true
	}
	var text []byte
	if err == nil {
		defer got.Body.Close()
		text, err = io.ReadAll(io.LimitReader(got.Body, 64<<10))
	}
	if err != nil {
		return answer(http.StatusGatewayTimeout, refusal{fmt.Sprintf("the hub has not answered: %v", err), "unknown"}), false
	}
	return relay(got, text)
}

// relay makes the answer of what the hub has answered.
func relay(got *http.Response, text []byte) (resp events.LambdaFunctionURLResponse, again bool) {
	var said refusal // a proxy's error is no JSON
	fromHub := json.Unmarshal(text, &said) == nil
	switch code := got.StatusCode; {
	case code == http.StatusOK:
		return events.LambdaFunctionURLResponse{StatusCode: code, Headers: jsonType, Body: string(text)}, false
	case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge:
		return answer(code, refusal{said.Error, "no"}), false
	case code < 500 || code == http.StatusServiceUnavailable && fromHub:
		return answer(http.StatusBadGateway, refusal{fmt.Sprintf("the hub answers %s to this function: %s", got.Status, said.Error), "no"}), code >= 500
	}
	return answer(http.StatusBadGateway, refusal{"what answers in the hub's place says " + got.Status, "unknown"}), false
}
