package server

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/internal/header"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// PublishOptions are the settings of a publish handler. The zero value refuses every
// request: set Token, Authorize or AllowAnyone.
type PublishOptions struct {
	// Token, if set, is required: requests must have the header "Authorization: Bearer
	// <Token>". It is compared in constant time.
	Token string

	// Authorize, if set, decides whether the messages of a request may be published,
	// and may change them. Nothing is published if it returns an error. A *StatusError
	// is sent as the answer: not ErrStop, since a publisher takes a 204 for success. Any
	// other error is logged and answered with 500, without its text. If Token is set,
	// too, a request must pass both. Calls run concurrently.
	Authorize func(ctx *fasthttp.RequestCtx, messages []Message) error

	// AllowAnyone lets everyone who can reach the handler publish to every topic.
	AllowAnyone bool

	// CORS lets pages of other origins publish.
	CORS CORS
}

// mostMessages is how many messages one request may publish.
const mostMessages = 1000

const publishMethods = "POST, OPTIONS"

// PublishHandler returns a handler that publishes:
//
//   - POST ?topic=T publishes the body as data. &type=, &id= and &retry=
//     (milliseconds) set the other fields of the event, and &ephemeral=true makes it
//     ephemeral.
//   - POST with Content-Type: application/json and no topic in the query publishes an
//     object {"topic","type","id","retry","ephemeral","data"}, or an array of up to
//     1,000 such objects, all or none. If data is a string, it is published as it is;
//     any other JSON value is published as JSON.
//
// The header Idempotency-Key, if there is one, is Message.Key: a request that is repeated
// with it publishes nothing, and gets the answer of the first.
//
// When the events are published, it answers 200 with {"id":"…"}, or with
// {"ids":["…",…]} for an array. Otherwise nothing is published, and the answer is a JSON
// object whose "error" says why: 400 for what is not valid, such as a query parameter that
// is unknown or given twice; 401 for a missing or wrong Token; 403 if PublishOptions
// lets nobody publish; what Authorize returns; 405 for other methods; 413 for an event above
// Config.MaxEventBytes; 415 for a body with a Content-Encoding; 503 after Hub.Close.
// With a Config.Backplane also: 413 for more at once than the broker takes; 503, with
// Retry-After, if the broker cannot be reached; and
// 504 if it is not known whether the events were stored, so that this answer alone does not
// say that nothing was published.
//
// PublishHandler panics if the options contradict each other (see CORS).
func (h *Hub) PublishHandler(o PublishOptions) fasthttp.RequestHandler {
	o.CORS.check()
	p := &publishHandler{hub: h, PublishOptions: o}
	return p.serve
}

// PublishHandler is [Hub.PublishHandler].
func PublishHandler(h *Hub, o PublishOptions) fasthttp.RequestHandler { return h.PublishHandler(o) }

type publishHandler struct {
	hub *Hub
	PublishOptions
}

func (p *publishHandler) serve(ctx *fasthttp.RequestCtx) {
	if ctx.IsOptions() {
		p.CORS.preflight(ctx, publishMethods, corsHeaders+", Idempotency-Key")
		return
	}
	p.CORS.allow(ctx)
	if !ctx.IsPost() {
		refuseMethod(ctx, publishMethods)
		return
	}
	failed := &p.hub.counters.publishErrors
	if r := p.admit(ctx); r != nil {
		failed.add(publishUnauthorized)
		r.answer(&ctx.Response)
		return
	}
	if err := checkEncoding(&ctx.Request.Header); err != nil {
		refuse(&ctx.Response, fasthttp.StatusUnsupportedMediaType, failed.count(err))
		return
	}
	messages, many, err := readMessages(ctx)
	if err != nil {
		refuse(&ctx.Response, fasthttp.StatusBadRequest, failed.count(err))
		return
	}
	messages[0].Key = string(header.Peek(&ctx.Request.Header, "Idempotency-Key"))
	if p.Authorize != nil {
		if err := p.Authorize(ctx, messages); err != nil {
			p.unauthorized(ctx, messages, err)
			return
		}
	}
	p.publish(ctx, messages, many)
}

// unauthorized answers a request for which Authorize returned an error.
func (p *publishHandler) unauthorized(ctx *fasthttp.RequestCtx, messages []Message, err error) {
	if r, ok := errors.AsType[*StatusError](err); ok {
		p.hub.counters.publishErrors.add(publishUnauthorized)
		r.answer(&ctx.Response)
		return
	}
	p.hub.counters.publishErrors.add(publishHook)
	p.hub.logger().Printf("server: %d messages not published, the first to %q: Authorize: %v", len(messages), fastsse.Shorten(messages[0].Topic), err)
	refuse(&ctx.Response, fasthttp.StatusInternalServerError, errFailed)
}

// admit returns an error if the request may not publish at all, whatever its messages.
func (p *publishHandler) admit(ctx *fasthttp.RequestCtx) *StatusError {
	switch {
	case p.Token != "":
		if !bearerIs(ctx, p.Token) {
			ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, `Bearer realm="publish"`)
			return &StatusError{Code: fasthttp.StatusUnauthorized, Message: "publishing needs the header Authorization: Bearer TOKEN with the token that the server was given"}
		}
	case p.Authorize == nil && !p.AllowAnyone:
		return &StatusError{Message: "publishing over HTTP is off: set PublishOptions.Token or Authorize, or AllowAnyone to let everybody publish"}
	}
	return nil
}

// bearerIs reports whether the request has this bearer token. It takes the same time
// whatever the two have in common.
func bearerIs(ctx *fasthttp.RequestCtx, token string) bool {
	const scheme = "Bearer "
	got := header.Peek(&ctx.Request.Header, fasthttp.HeaderAuthorization)
	if len(got) < len(scheme) || !bytes.EqualFold(got[:len(scheme)], []byte(scheme)) {
		return false
	}
	a, b := sha256.Sum256(got[len(scheme):]), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// publish publishes the messages and answers.
func (p *publishHandler) publish(ctx *fasthttp.RequestCtx, messages []Message, many bool) {
	ids, err := p.hub.PublishAll(messages)
	if err != nil {
		refuse(&ctx.Response, publishStatus(err), err)
		if errors.Is(err, backplane.ErrRefused) {
			ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
		}
		return
	}
	var answer any = map[string][]string{"ids": ids}
	if !many {
		answer = map[string]string{"id": ids[0]}
	}
	body, err := json.Marshal(answer)
	if err != nil { // strings: it cannot be
		refuse(&ctx.Response, fasthttp.StatusInternalServerError, err)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(body, '\n'))
}

// publishStatus returns the status of the answer to an error of PublishAll.
func publishStatus(err error) int {
	if _, ok := errors.AsType[*tooLargeError](err); ok {
		return fasthttp.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[*streamwriter.FieldError](err); ok {
		return fasthttp.StatusBadRequest
	}
	if errors.Is(err, ErrUnknown) {
		return fasthttp.StatusGatewayTimeout
	}
	return fasthttp.StatusServiceUnavailable // ErrClosed, or the backplane has not stored it
}

// checkEncoding returns an error if the body is compressed or otherwise encoded.
func checkEncoding(h *fasthttp.RequestHeader) error {
	for name, value := range h.All() {
		if !bytes.EqualFold(name, []byte(fasthttp.HeaderContentEncoding)) {
			continue
		}
		if v := bytes.TrimSpace(value); len(v) > 0 && !bytes.EqualFold(v, []byte("identity")) {
			return fastsse.NewFieldError("Content-Encoding", string(v), "would be published as it is, encoded", "send the body without an encoding")
		}
	}
	return nil
}

// readMessages reads a request of either form. many says that it was an array.
func readMessages(ctx *fasthttp.RequestCtx) (messages []Message, many bool, err error) {
	q := ctx.QueryArgs()
	raw := q.Has("topic") || !isJSON(ctx)
	if err := checkQuery(q, raw); err != nil {
		return nil, false, err
	}
	if raw {
		m, err := readRaw(q, ctx.PostBody())
		return []Message{m}, false, err
	}
	return readJSON(ctx.PostBody())
}

func isJSON(ctx *fasthttp.RequestCtx) bool {
	typ, _, _ := bytes.Cut(ctx.Request.Header.ContentType(), []byte{';'})
	return bytes.EqualFold(bytes.TrimSpace(typ), []byte("application/json"))
}

// checkQuery returns an error for a query parameter that would be ignored. raw says that
// the body is data.
func checkQuery(q *fasthttp.Args, raw bool) error {
	seen := 0 // a bit per parameter
	for key, value := range q.All() {
		name := string(key)
		i := slices.Index(eventParameters, name)
		refuse := func(field, value, problem, remedy string) error {
			return fastsse.NewFieldError(field, value, problem, remedy)
		}
		switch {
		case i < 0:
			return refuse("query", name, "is no parameter of an event", "use "+strings.Join(eventParameters, ", ")+"; what is for Authorize goes in a header")
		case !raw:
			return refuse(name, string(value), "is in the query, and the event in a JSON body", "put it in the object, or name the topic in the query to publish the body as it is")
		case seen&(1<<i) != 0:
			return refuse(name, string(value), "is given a second time", "give it once; an array of JSON objects publishes several events")
		}
		seen |= 1 << i
	}
	return nil
}

// eventParameters are the parameters that the query may have.
var eventParameters = []string{"topic", "type", "id", "retry", "ephemeral"}

func readRaw(q *fasthttp.Args, body []byte) (Message, error) {
	m := Message{Topic: string(q.Peek("topic")), Event: streamwriter.Event{
		ID: string(q.Peek("id")), Type: string(q.Peek("type")), Data: body,
	}}
	if m.Topic == "" {
		return m, eventlog.TopicError("", "is missing", "add ?topic=NAME, or send an object with a topic as application/json")
	}
	var err error
	if q.Has("retry") {
		m.Event.Retry, err = parseRetry(string(q.Peek("retry")))
	}
	if err == nil && q.Has("ephemeral") {
		m.Ephemeral, err = parseEphemeral(string(q.Peek("ephemeral")))
	}
	return m, err
}

func parseEphemeral(s string) (bool, error) {
	switch s {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fastsse.NewFieldError("ephemeral", s, "is neither true nor false", "give true or 1, or leave it out")
}

// parseRetry reads milliseconds.
func parseRetry(s string) (time.Duration, error) {
	const most = 24 * 60 * 60 * 1000
	ms, err := strconv.ParseUint(s, 10, 32)
	if err != nil || ms == 0 || ms > most {
		return 0, fastsse.NewFieldError("retry", s, "is no number of milliseconds from 1 to a day's (86400000)", "give digits alone, or leave it out")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// message is the JSON form of a Message.
type message struct {
	Topic     string          `json:"topic"`
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Retry     json.Number     `json:"retry"`
	Ephemeral bool            `json:"ephemeral"`
	Data      json.RawMessage `json:"data"`
}

func readJSON(body []byte) (messages []Message, many bool, err error) {
	body = bytes.TrimSpace(body)
	many = len(body) > 0 && body[0] == '['
	var list []message
	if many {
		err = decodeJSON(body, &list)
	} else {
		list = make([]message, 1)
		err = decodeJSON(body, &list[0])
	}
	switch {
	case err != nil:
		return nil, many, err
	case len(list) == 0:
		return nil, many, bodyError(body, "is an empty array", "send at least one object")
	case len(list) > mostMessages:
		return nil, many, bodyError(nil, fmt.Sprintf("is an array of %d objects", len(list)), fmt.Sprintf("send at most %d at once", mostMessages))
	}
	messages = make([]Message, len(list))
	for i := range list {
		if messages[i], err = list[i].message(); err != nil {
			return nil, many, fmt.Errorf("message %d of %d: %w", i+1, len(list), err)
		}
	}
	return messages, many, nil
}

func (j *message) message() (Message, error) {
	m := Message{Topic: j.Topic, Event: streamwriter.Event{ID: j.ID, Type: j.Type}, Ephemeral: j.Ephemeral}
	if j.Topic == "" {
		return m, eventlog.TopicError("", "is missing", `add "topic" to the object`)
	}
	if j.Retry != "" {
		var err error
		if m.Event.Retry, err = parseRetry(j.Retry.String()); err != nil {
			return m, err
		}
	}
	var err error
	m.Event.Data, err = dataOf(j.Data)
	return m, err
}

// dataOf returns the text of a JSON string, nothing for null, and any other value as
// compact JSON.
func dataOf(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		return []byte(s), err
	}
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.Bytes(), err
}

// decodeJSON reads exactly one value, without unknown fields.
func decodeJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the value")
		}
	}
	if err != nil {
		return bodyError(body, "is not the JSON that is expected ("+err.Error()+")",
			`send {"topic":…,"type":…,"id":…,"retry":…,"ephemeral":…,"data":…} or an array of such objects; to publish JSON as it is, name the topic in the query`)
	}
	return nil
}

func bodyError(body []byte, problem, remedy string) error {
	return fastsse.NewFieldError("body", string(body[:min(len(body), 128)]), problem, remedy)
}
