package server_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/transcript"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// What both sides send, byte by byte, is in testdata/transcripts. One file is for all
// ways to hold a stream. To write them anew: go test ./server -run Transcripts -update.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, sc := range slices.Concat(openTranscripts, resumeTranscripts, endTranscripts, hookTranscripts, refusalTranscripts, publishTranscripts, followTranscripts) {
		if seen[sc.name] {
			t.Fatalf("two scenarios are %q", sc.name)
		}
		seen[sc.name] = true
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range sc.in {
				t.Run(kind.name, func(t *testing.T) { sc.record(t, kind) })
			}
		})
	}
}

// scenario is what one file records, over HTTP/1.1 and HTTP/1.0.
type scenario struct {
	name    string
	in      []connKind
	setup   setup
	handler func(s *scene) fasthttp.RequestHandler // in place of the harness's
	run     func(s *scene)
}

// following are the connection kinds of Follow.
var following = []connKind{followTCP}

// longRetry takes most transcripts' place of the default reconnection time: of the
// times that are drawn from it, hardly any is itself.
const longRetry = 4000 * time.Second

// defaults leaves the hub's settings as they are.
const defaults = -12345

func (sc *scenario) record(t *testing.T, kind connKind) {
	tr := transcript.New(t)
	tr.Drawn(longRetry+time.Millisecond, 2*longRetry)
	for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
		s := &scene{tr: tr, proto: proto}
		o := sc.setup
		if sc.handler != nil {
			o.wrap = func(fasthttp.RequestHandler) fasthttp.RequestHandler {
				return func(ctx *fasthttp.RequestCtx) { sc.handler(s)(ctx) }
			}
		}
		switch o.config.Retry {
		case 0:
			o.config.Retry = longRetry
		case defaults:
			o.config.Retry = 0
		}
		if o.config.Heartbeat == 0 {
			o.config.Heartbeat = -1
		}
		s.retry = o.config.Retry
		tr.Section(proto)
		s.harness = newHarness(t, kind, o)
		epoch, _, _ := strings.Cut(s.hub.LastID(), "-")
		tr.Replace(epoch, "EPOCH")
		sc.run(s)
	}
	tr.Check(sc.name)
}

// scene is a scenario under way.
type scene struct {
	*harness
	tr    *transcript.Transcript
	proto string
	retry time.Duration // Config.Retry
}

// stream is the client's side of an event stream.
type stream struct {
	*transcript.Conn
	endOfChunk string
}

// send sends the head of a request.
func (s *scene) send(method, uri string, headers ...string) *transcript.Conn {
	s.t.Helper()
	c := s.tr.Dial(s.dial)
	head := method + " " + uri + " " + s.proto + "\r\nHost: test\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	c.Send(head + "\r\n")
	return c
}

// ask sends a request without a body, and reads the answer to the end of the
// connection. What is answered with a stream ends here, too.
func (s *scene) ask(method, uri string, headers ...string) {
	s.t.Helper()
	c := s.send(method, uri, headers...)
	c.HalfClose()
	c.Rest()
	c.Close()
}

// get asks for a stream.
func (s *scene) get(query string, headers ...string) *stream {
	s.t.Helper()
	st := &stream{Conn: s.send("GET", s.kind.path+"?"+query, headers...)}
	if s.proto == "HTTP/1.1" {
		st.endOfChunk = "\r\n"
	}
	return st
}

// fresh opens a stream, and reads up to its position, and the reconnection time behind it.
func (s *scene) fresh(query string, headers ...string) *stream {
	s.t.Helper()
	st := s.get(query, headers...)
	opening := "id: " + s.hub.LastID() + "\n\n"
	if retry := cmp.Or(s.retry, 3*time.Second); retry > 0 && s.kind.path != followTCP.path {
		opening += fmt.Sprintf("retry: %d\n", retry.Milliseconds())
	}
	st.Until(opening + st.endOfChunk)
	return st
}

// turnedAway asks for a stream where there is none to be had now.
func (s *scene) turnedAway(query string, headers ...string) {
	s.t.Helper()
	st := s.get(query, headers...)
	st.Rest()
	st.Close()
}

// block reads up to the end of a block whose last line is given.
func (st *stream) block(last string) { st.Until(last + "\n\n" + st.endOfChunk) }

// event reads up to the end of an event whose last line of data is given.
func (st *stream) event(data string) {
	st.Until(data + "\n")
	st.UntilBlank() // its id comes before that
	if st.endOfChunk != "" {
		st.Until(st.endOfChunk)
	}
}

// data reads up to an event with that data, for each.
func (st *stream) data(list ...string) {
	for _, d := range list {
		st.event("data: " + d)
	}
}

// finish reads up to the end of the stream, which the server makes.
func (st *stream) finish() {
	st.Rest()
	st.Close()
}

// put publishes an event for each of data.
func (s *scene) put(topic string, data ...string) (ids []string) {
	s.t.Helper()
	for _, d := range data {
		ids = append(ids, s.putEvent(topic, streamwriter.Event{Data: []byte(d)}))
	}
	return ids
}

func (s *scene) putEvent(topic string, e streamwriter.Event) (id string) {
	s.t.Helper()
	s.tr.Note("publish to %s: %s", topic, describe(e))
	id, err := s.hub.Publish(topic, e)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func describe(e streamwriter.Event) string {
	data := string(e.Data)
	if len(data) > 40 {
		data = fmt.Sprintf("%s… (%d bytes)", data[:10], len(data))
	}
	text := fmt.Sprintf("%q", data)
	if e.Type != "" {
		text += fmt.Sprintf(", type %q", e.Type)
	}
	if e.ID != "" {
		text += fmt.Sprintf(", id %q", e.ID)
	}
	if e.Retry != 0 {
		text += fmt.Sprintf(", retry %v", e.Retry)
	}
	return text
}

// What has another name in another version of the API is from here on alone.

type (
	subscribeOptions = server.SubscribeOptions
	publishOptions   = server.PublishOptions
	subscription     = server.Subscription
	subscriber       = server.Subscriber
	message          = server.Message
	cors             = server.CORS
)

// refuse is an error that says how a request is to be answered. No status means the
// default.
func refuse(status int, reason string) error {
	return &server.StatusError{Code: status, Message: reason}
}

func (s *scene) putEphemeral(topic, data string) {
	s.t.Helper()
	s.tr.Note("publish to %s, ephemeral: %q", topic, data)
	if _, err := s.hub.PublishAll([]server.Message{{Topic: topic, Event: streamwriter.Event{Data: []byte(data)}, Ephemeral: true}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) drain() {
	s.t.Helper()
	s.tr.Note("drain")
	if err := s.hub.Drain(timeout(s.t, patience)); err != nil {
		s.t.Error(err)
	}
}

func (s *scene) close() {
	s.t.Helper()
	s.tr.Note("close")
	if err := s.hub.Close(context.Background()); err != nil {
		s.t.Error(err)
	}
}

func (s *scene) kick() {
	s.tr.Note("kick")
	s.hub.Kick(func(server.Subscriber) bool { return true })
}

func (s *scene) kickTopic(topic string) {
	s.tr.Note("kick topic %s", topic)
	s.hub.KickTopic(topic)
}

// subscribeHandler is the handler that Mount has for streams.
func (s *scene) subscribeHandler(o subscribeOptions) fasthttp.RequestHandler {
	return server.SubscribeHandler(s.hub, o)
}

// publishHandler is the handler that Mount has for publishing.
func (s *scene) publishHandler(o publishOptions) fasthttp.RequestHandler {
	return server.PublishHandler(s.hub, o)
}

// mounted are a hub's routes at other paths.
func (s *scene) mounted(subscribe, publish string) fasthttp.RequestHandler {
	r := router.New()
	server.Mount(r, s.hub, server.MountOptions{
		SubscribePath: subscribe, PublishPath: publish, Publish: server.PublishOptions{AllowAnyone: true},
	})
	return r.Handler
}

// followAfter is an application's own stream, with an event before the hub's.
func followAfter(s *scene) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		topic := string(ctx.QueryArgs().Peek("topic"))
		streamwriter.Serve(ctx, streamwriter.Options{Heartbeat: -1, Retry: longRetry, Logger: s.log}, func(w *streamwriter.Writer) error {
			if err := w.SendString("hello", "first"); err != nil {
				return err
			}
			return s.hub.Follow(w, topic)
		})
	}
}
