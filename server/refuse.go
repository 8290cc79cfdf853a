package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// StatusError is an error of a hook (Authorize, OnOpen) that says how the request is
// answered: with this status, and a JSON object whose "error" is Message (with 204, no
// body). It may be wrapped; the text around it is not sent. Clients are shown no other
// error of a hook.
//
// An EventSource gives up after any answer but 200. So return a StatusError for what can
// never work, and another error for what may work later.
type StatusError struct {
	Code    int    // zero means 403
	Message string // for the client; empty means "refused"
}

// ErrStop is an error for Authorize and OnOpen: the client is answered with 204 and does
// not come back. Use it when a stream is over for good, and that is not a failure.
var ErrStop error = &StatusError{Code: fasthttp.StatusNoContent, Message: "stop"}

// Error returns the message.
func (e *StatusError) Error() string {
	if e.Message == "" {
		return "refused"
	}
	return e.Message
}

// problem is the JSON body of every 4xx and 5xx answer.
type problem struct {
	Error  string `json:"error"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// errFailed is all that a client is told about an error that is not for it.
var errFailed = errors.New("the server failed; its log says why")

// refuse answers with err as JSON, with field, value and remedy if it has them.
func refuse(to *fasthttp.Response, status int, err error) {
	p := problem{Error: err.Error()}
	if f, ok := errors.AsType[*streamwriter.FieldError](err); ok {
		p.Field, p.Value, p.Remedy = f.Field, f.Value, f.Remedy
	}
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil { // four strings: it cannot be
		body = []byte(`{"error":"refused"}`)
	}
	to.SetStatusCode(status)
	to.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	to.Header.SetContentType("application/json")
	to.SetBody(append(body, '\n'))
}

// answer answers as e says. e may be nil.
func (e *StatusError) answer(to *fasthttp.Response) {
	if e == nil { // a hook may return one as an error
		e = &StatusError{}
	}
	status := e.Code
	if status == 0 {
		status = fasthttp.StatusForbidden
	}
	if status == fasthttp.StatusNoContent {
		to.SetStatusCode(status)
		to.Header.Set(fasthttp.HeaderCacheControl, "no-store") // caches keep a 204, and give it to everybody
		return
	}
	refuse(to, status, e)
}

// instead returns the bytes of e's answer, for a connection that is hijacked already. head
// is the head that the stream would have had: what middleware has set there is kept.
func (e *StatusError) instead(head []byte) []byte {
	var to fasthttp.Response
	if to.Header.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)+1)) != nil {
		to.Header.Reset() // middleware's headers cannot be parsed: answer without them
		to.Header.SetConnectionClose()
	}
	to.Header.SetStatusMessage(nil) // the stream's: OK
	to.Header.Del(fasthttp.HeaderTransferEncoding)
	e.answer(&to)
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := errors.Join(to.Write(w), w.Flush()); err != nil {
		panic("server: a buffer takes no answer: " + err.Error()) // unreachable
	}
	return b.Bytes()
}

// refuseMethod answers a method that a handler does not serve.
func refuseMethod(ctx *fasthttp.RequestCtx, allow string) {
	ctx.Response.Header.Set(fasthttp.HeaderAllow, allow)
	refuse(&ctx.Response, fasthttp.StatusMethodNotAllowed, fastsse.NewFieldError("method", string(ctx.Method()), "is not served here", "use "+allow))
}
