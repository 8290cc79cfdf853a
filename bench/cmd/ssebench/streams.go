package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/scenario"
)

// requestFlags say how a stream is asked for.
type requestFlags struct {
	Header   []string `short:"H" name:"header" sep:"none" placeholder:"'Name: value'" help:"Additional header of each request for a stream, such as 'Authorization: Bearer x'; may be repeated."`
	Cookie   string   `placeholder:"'a=b; c=d'" help:"Cookies to send with each request for a stream."`
	Method   string   `default:"GET" help:"Method of the requests for streams."`
	Body     string   `help:"Body of the requests for streams that are opened with POST."`
	Insecure bool     `help:"Accept any certificate."`
	CACert   string   `name:"cacert" placeholder:"FILE" help:"Certificate of an authority to trust, beside those of the system."`
	Cert     string   `placeholder:"FILE" help:"Certificate of the client, for servers that ask for one."`
	Key      string   `placeholder:"FILE" help:"Its key, if that is in another file."`
	loginFlags
}

// header is the head of the requests.
func (f *requestFlags) header() (http.Header, error) {
	header, err := headers(f.Header)
	if f.Cookie != "" && err == nil {
		header.Add("Cookie", f.Cookie)
	}
	return header, err
}

// tlsConfig is that of their connections.
func (f *requestFlags) tlsConfig() (*tls.Config, error) {
	return load.TLSConfig(f.Cert, f.Key, f.CACert, f.Insecure)
}

// askFlags say which URLs are asked, and for what.
type askFlags struct {
	URL []string `name:"url" sep:"none" placeholder:"URL" group:"Streams" help:"URL of the streams to open, such as http://127.0.0.1:8080/events?topic=a, or unix:/run/app.sock:/events for a server at a Unix socket. {{.Stream}} stands for the number of the stream, from 0, here and in headers and bodies; {{.Port}} for the port of the server that ssebench starts. May be repeated: streams use them in turn."`

	requestFlags `group:"Streams"`
	Topics       string       `placeholder:"N|FILE" group:"Streams" help:"Topics to spread the streams and what is published over, in turn: so many, which are 0, 1, and so on; or those in the lines of FILE. {{.Topic}} stands for a stream's topic, and for the one to publish to."`
	Tokens       string       `placeholder:"FILE" group:"Streams" help:"Tokens or users, one in each line, for the streams in turn: {{.Token}} stands for a stream's. If FILE ends in .csv, its first line names the columns, and {{.name}} stands for a column."`
	Compress     string       `enum:",gzip,br,zstd" default:"" placeholder:"ENCODING" group:"Streams" help:"Accept this encoding: gzip, br or zstd. Streams are then read through net/http, with a goroutine per stream, as with https."`
	Gzip         bool         `group:"Streams" help:"The same as -compress gzip."`
	HTTP2        bool         `name:"http2" group:"Streams" help:"Offer HTTP/2; needs https."`
	Unix         string       `placeholder:"PATH" group:"Streams" help:"Unix socket to connect to, for streams and for what is published."`
	Laddr        []netip.Addr `name:"laddr" group:"Streams" help:"Local addresses to connect from, in turn, so that ports do not run out. By default a server on IPv4 loopback is reached from 127.0.1.1 to 127.0.1.200."`
}

// streamFlags say which streams are opened, and how.
type streamFlags struct {
	askFlags
	Streams   int           `name:"streams" short:"c" default:"${streams=100}" group:"Streams" help:"Streams to open."`
	Ramp      float64       `default:"${ramp=5000}" group:"Streams" help:"Streams to open per second; 0 means no limit."`
	Answer    time.Duration `default:"30s" group:"Streams" help:"Give up if no stream is answered for this long."`
	Settle    time.Duration `default:"${settle=2s}" group:"Streams" help:"How long to wait after opening the streams, before the measurement begins."`
	Readers   int           `default:"1" group:"Streams" help:"Goroutines that read the streams."`
	RunID     string        `name:"run-id" placeholder:"ID" group:"Streams" help:"Id of this run, which events carry, and only events with it count: by default a random one. Another ssebench on this machine, with the same and without -publish-url, counts the events of this one."`
	Reconnect bool          `default:"true" negatable:"" group:"Streams" help:"Reconnect like browsers: with Last-Event-ID after the server's retry time (3s if it sends none), but never after an answer that is not a stream."`
}

// request makes the request of each stream; port replaces {{.Port}}.
func (f *askFlags) request(port portOf) (r load.Request, err error) {
	r = load.Request{Method: f.Method, Body: f.Body, Sources: f.Laddr, Compress: f.Compress, HTTP2: f.HTTP2}
	if f.Gzip {
		r.Compress = "gzip"
	}
	path, target := load.SplitUnix(port(f.URL[0]))
	r.URL, r.Unix = target, cmp.Or(path, f.Unix)
	r.Others = ported(f.URL[1:], port)
	if r.Header, err = f.header(); err != nil {
		return r, err
	}
	if r.TLS, err = f.tlsConfig(); err != nil {
		return r, err
	}
	if r.Data, err = load.NewData(f.Topics, f.Tokens); err != nil {
		return r, err
	}
	r.Login, err = f.loginFlags.request(port)
	return r, err
}

// loginFlags say which request each stream makes first.
type loginFlags struct {
	Login       string   `placeholder:"'METHOD URL'" help:"Request to make before a stream is opened: once for each, and by check once in all. {{.Login.name}} stands for a field of the JSON in the answer, a cookie or a header, and {{.Login.Body}} for all of it. Its cookies are sent with the stream. If {{.Login.name}} is in what is published, the publisher logs in as well, as the first stream does, and sends its cookies."`
	LoginHeader []string `name:"login-header" sep:"none" placeholder:"'Name: value'" help:"Additional header of these requests; may be repeated."`
	LoginBody   string   `name:"login-body" placeholder:"TEMPLATE" help:"Body of these requests: JSON if it begins with {, otherwise a form."`
}

// request is the request before each stream, or nil.
func (f *loginFlags) request(port portOf) (*load.Login, error) {
	if f.Login == "" {
		return nil, nil
	}
	method, url, ok := strings.Cut(f.Login, " ")
	if !ok {
		method, url = "", f.Login // its default
	}
	header, err := headers(f.LoginHeader)
	return &load.Login{Method: method, URL: port(strings.TrimSpace(url)), Header: header, Body: f.LoginBody}, err
}

// addressedStreams are streams whose URL may also be given without its flag.
type addressedStreams struct {
	Address string `arg:"" optional:"" name:"address" help:"URL of the streams to open; the same as -url."`
	streamFlags
}

// AfterApply takes the URL from either place. kong calls it.
func (f *addressedStreams) AfterApply() error { return f.takes(&f.Address) }

// takes takes the URL that was given without its flag.
func (f *askFlags) takes(address *string) error {
	switch {
	case *address == "":
	case len(f.URL) == 0:
		f.URL = []string{*address}
	case len(f.URL) > 1 || *address != f.URL[0]:
		return fmt.Errorf("two addresses, %q and -url %q: give one, or -url several times; a server's command comes after --", *address, f.URL)
	}
	*address = ""
	return f.check()
}

func (f *askFlags) check() error {
	if len(f.URL) == 0 {
		return errors.New("which streams? give their URL, such as http://127.0.0.1:8080/events?topic=a, or -url")
	}
	return nil
}

// fill sets the scenario's fields from the flags.
func (f *streamFlags) fill(sc *scenario.Scenario, port portOf) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if f.Streams < 1 {
		return fmt.Errorf("-streams %d: open at least one stream", f.Streams)
	}
	if f.Ramp < 0 {
		return fmt.Errorf("-ramp %v: give the number of streams to open per second, or 0 for no limit", f.Ramp)
	}
	sc.Name, sc.Streams, sc.Ramp, sc.Answer = port(f.URL[0]), f.Streams, f.Ramp, f.Answer
	sc.Settle, sc.Readers = f.Settle, f.Readers
	sc.Client = load.Client{Returns: f.Reconnect}
	if f.RunID != "" {
		if err := load.SetRun(f.RunID); err != nil {
			return err
		}
	}
	sc.Request, err = f.request(port)
	return err
}

// ported replaces {{.Port}} in all of them.
func ported(urls []string, port portOf) (all []string) {
	for _, url := range urls {
		all = append(all, port(url))
	}
	return all
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
	PublishURL     []string     `name:"publish-url" sep:"none" placeholder:"URL" group:"Publishing" help:"URL to post each event to; may be repeated, to post it to each. Without -publish-url and -publish-command nothing is published; the streams are only held open. {{.Topic}} stands for the topic to publish to, {{.Stream}} for the first stream that reads it."`
	PublishMethod  string       `name:"publish-method" default:"POST" group:"Publishing" help:"Method of the requests that publish."`
	PublishHeader  []string     `name:"publish-header" sep:"none" placeholder:"'Name: value'" group:"Publishing" help:"Additional header of the requests that publish; may be repeated."`
	PublishBody    string       `name:"publish-body" placeholder:"TEMPLATE" group:"Publishing" help:"Body of the requests that publish, with {{.Message}} where the event's data goes; by default the data is the whole body. {{.Seq}} is the event's number from 1, {{.ID}} is what no other event has, {{.Time}} when it is due, as {{.Time.UnixMilli}} in milliseconds."`
	PublishCommand string       `name:"publish-command" placeholder:"COMMAND" group:"Publishing" help:"Command to run for each event instead of a request, as words separated by spaces. It gets the data on its standard input, and in its arguments in place of {{.Message}}."`
	Rate           load.Profile `default:"${rate=10}" group:"Publishing" help:"Events to publish per second: a number, or steps that take the place of -duration, such as '100 for 10s, 100..1000 over 30s, 1000 for 10s'."`
	Size           []string     `default:"100" placeholder:"100" group:"Publishing" help:"Bytes of data per event: a number, or several with the share of events that have each, such as 100:80%,2000:20%."`
	TimeRegexp     string       `name:"time-regexp" placeholder:"PATTERN" group:"Publishing" help:"For events that others publish: the first group of PATTERN matches the time when an event was sent, in its data (seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339)."`
	TimeJSON       string       `name:"time-json" placeholder:"PATH" group:"Publishing" help:"Like -time-regexp, for JSON data: the path to the time, such as meta.sent_at."`
}

// publishing is nil when nothing is to be published. Streams are opened by r.
func (f *publishFlags) publishing(port portOf, r *load.Request) (*load.Publishing, error) {
	if len(f.PublishURL) == 0 && f.PublishCommand == "" {
		return nil, nil
	}
	if len(f.PublishURL) > 0 && f.PublishCommand != "" {
		return nil, fmt.Errorf("-publish-url %q and -publish-command %q: give one of them", f.PublishURL, f.PublishCommand)
	}
	if f.TimeRegexp != "" || f.TimeJSON != "" {
		return nil, errors.New("-time-regexp and -time-json are for events that somebody else publishes; leave out -publish-url and -publish-command")
	}
	sizes, err := load.ParseSizes(f.Size)
	if err != nil {
		return nil, err
	}
	header, err := headers(f.PublishHeader)
	urls := append(ported(f.PublishURL, port), "")
	path, target := load.SplitUnix(urls[0])
	return &load.Publishing{
		URL: target, Others: urls[1:max(len(urls)-1, 1)], Method: f.PublishMethod, Header: header, Body: f.PublishBody, Data: r.Data, Login: r.Login,
		Command: strings.Fields(port(f.PublishCommand)), Sizes: sizes, TLS: r.TLS, Unix: cmp.Or(path, r.Unix),
	}, err
}

// fill sets the scenario's fields from the flags.
func (f *publishFlags) fill(sc *scenario.Scenario, port portOf) (err error) {
	if f.TimeRegexp != "" || f.TimeJSON != "" {
		if sc.Foreign, err = load.NewForeign(f.TimeRegexp, f.TimeJSON); err != nil {
			return err
		}
	}
	sc.Rate = f.Rate.Steps[0].From
	if d := f.Rate.Duration(); d > 0 {
		if sc.Duration == 0 { // of a storm
			return fmt.Errorf("-rate %q: give one rate", f.Rate)
		}
		sc.Profile, sc.Duration = f.Rate, d
	}
	if strings.Contains(strings.Join(f.PublishURL, "")+f.PublishBody+strings.Join(f.PublishHeader, ""), "{{.Stream}}") && len(sc.Request.Data.Topics) == 0 {
		sc.Request.Data.Topics = load.Numbered(sc.Streams) // each stream has its own
	}
	sc.Publish, err = f.publishing(port, &sc.Request)
	return err
}
