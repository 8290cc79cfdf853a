package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// streamFlags say which streams are opened, and how.
type streamFlags struct {
	URL     string        `required:"" name:"url" group:"Streams" help:"URL of the streams to open, such as http://127.0.0.1:8080/events?topic=bench. {{.Port}} stands for the port of the server that bench starts."`
	C       int           `name:"c" short:"c" default:"100" group:"Streams" help:"Streams to open."`
	Ramp    float64       `default:"5000" group:"Streams" help:"Streams to open per second; 0 means no limit."`
	Answer  time.Duration `default:"30s" group:"Streams" help:"Give up if no stream is answered for this long."`
	Settle  time.Duration `default:"2s" group:"Streams" help:"How long to wait after opening the streams, before the measurement begins."`
	Readers int           `default:"1" group:"Streams" help:"Goroutines that read the streams."`

	Header   []string     `short:"H" name:"header" sep:"none" placeholder:"'Name: value'" group:"Streams" help:"Additional header of each request; may be repeated."`
	Cookie   string       `placeholder:"'a=b; c=d'" group:"Streams" help:"Cookies to send with each request."`
	Method   string       `default:"GET" group:"Streams" help:"Method of the request."`
	Body     string       `group:"Streams" help:"Body of the request, for streams that are opened with POST."`
	Gzip     bool         `group:"Streams" help:"Accept gzip. Streams are then read through net/http, with a goroutine per stream, as with https."`
	HTTP2    bool         `name:"http2" group:"Streams" help:"Offer HTTP/2; needs https."`
	Insecure bool         `group:"Streams" help:"Accept any certificate."`
	Laddr    []netip.Addr `name:"laddr" group:"Streams" help:"Local addresses to connect from, in turn, so that ports do not run out. By default a server on IPv4 loopback is reached from 127.0.1.1 to 127.0.1.200."`

	Reconnect bool `default:"true" negatable:"" group:"Streams" help:"Reconnect like browsers: with Last-Event-ID after the server's retry time (3s if it sends none), but never after an answer that is not a stream."`
}

// request makes the request of each stream; port replaces {{.Port}}.
func (f *streamFlags) request(port portOf) (load.Request, error) {
	header, err := headers(f.Header)
	if err != nil {
		return load.Request{}, err
	}
	if f.Cookie != "" {
		header.Add("Cookie", f.Cookie)
	}
	return load.Request{
		URL: port(f.URL), Method: f.Method, Header: header, Body: f.Body,
		Gzip: f.Gzip, HTTP2: f.HTTP2, Insecure: f.Insecure, Sources: f.Laddr,
	}, nil
}

// fill sets the scenario's fields from the flags.
func (f *streamFlags) fill(sc *scenario.Scenario, port portOf) (err error) {
	if f.C < 1 {
		return fmt.Errorf("-c %d: open at least one stream", f.C)
	}
	if f.Ramp < 0 {
		return fmt.Errorf("-ramp %v: give the number of streams to open per second, or 0 for no limit", f.Ramp)
	}
	sc.Name, sc.Streams, sc.Ramp, sc.Answer = port(f.URL), f.C, f.Ramp, f.Answer
	sc.Settle, sc.Readers = f.Settle, f.Readers
	sc.Client = load.Client{Returns: f.Reconnect}
	sc.Request, err = f.request(port)
	return err
}

// headers reads lines such as "Name: value".
func headers(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(line, "\r\n") || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("header %q: give it as 'Name: value'", line)
		}
		h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return h, nil
}

// publishFlags say how events are published.
type publishFlags struct {
	PublishURL     string   `name:"publish-url" group:"Publishing" help:"URL to post each event to. Without -publish-url and -publish-command nothing is published; the streams are only held open."`
	PublishMethod  string   `name:"publish-method" default:"POST" group:"Publishing" help:"Method of the requests that publish."`
	PublishHeader  []string `name:"publish-header" sep:"none" placeholder:"'Name: value'" group:"Publishing" help:"Additional header of the requests that publish; may be repeated."`
	PublishBody    string   `name:"publish-body" placeholder:"TEMPLATE" group:"Publishing" help:"Body of the requests that publish, with {{.Message}} where the event's data goes; by default the data is the whole body."`
	PublishCommand string   `name:"publish-command" placeholder:"COMMAND" group:"Publishing" help:"Command to run for each event instead of a request, as words separated by spaces. It gets the data on its standard input, and in its arguments in place of {{.Message}}."`
	Rate           float64  `default:"1" group:"Publishing" help:"Events to publish per second."`
	Size           int      `default:"100" group:"Publishing" help:"Bytes of data per event."`
	TimeRegexp     string   `name:"time-regexp" placeholder:"PATTERN" group:"Publishing" help:"For events that others publish: the first group of PATTERN matches the time when an event was sent, in its data (seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339)."`
	TimeJSON       string   `name:"time-json" placeholder:"PATH" group:"Publishing" help:"Like -time-regexp, for JSON data: the path to the time, such as meta.sent_at."`
}

// publishing is nil when nothing is to be published.
func (f *publishFlags) publishing(port portOf, insecure bool) (*load.Publishing, error) {
	if f.PublishURL == "" && f.PublishCommand == "" {
		return nil, nil
	}
	if f.PublishURL != "" && f.PublishCommand != "" {
		return nil, fmt.Errorf("-publish-url %q and -publish-command %q: give one of them", f.PublishURL, f.PublishCommand)
	}
	if f.TimeRegexp != "" || f.TimeJSON != "" {
		return nil, fmt.Errorf("-time-regexp and -time-json are for events that somebody else publishes; leave out -publish-url and -publish-command")
	}
	if f.Rate <= 0 {
		return nil, fmt.Errorf("-rate %v: give the number of events to publish per second", f.Rate)
	}
	header, err := headers(f.PublishHeader)
	if err != nil {
		return nil, err
	}
	return &load.Publishing{
		URL: port(f.PublishURL), Method: f.PublishMethod, Header: header, Body: f.PublishBody,
		Command: strings.Fields(f.PublishCommand), Size: f.Size, Insecure: insecure,
	}, nil
}

// fill sets the scenario's fields from the flags.
func (f *publishFlags) fill(sc *scenario.Scenario, port portOf) (err error) {
	if f.TimeRegexp != "" || f.TimeJSON != "" {
		if sc.Foreign, err = load.NewForeign(f.TimeRegexp, f.TimeJSON); err != nil {
			return err
		}
	}
	sc.Rate = f.Rate
	sc.Publish, err = f.publishing(port, sc.Request.Insecure)
	return err
}
