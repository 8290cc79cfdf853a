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

// StatusError is an error that says how a request is to be answered. It is the one
// error of a hook that a client is told of: its own Message, not the text of what
// wraps it.
//
// EventSource never comes back after anything but 200: 401 and 403 end it for good, and
// so does 204, which says so without an error (ErrStop). So use it for what can never
// work, and return another error for what only does not work now.
type StatusError struct {
	Code    int    // zero means 403
	Message string // for the client
}

// ErrStop is an error of Authorize or OnOpen that tells a client, with 204, to stop for
// good: there will be nothing more to hear.
var ErrStop error = &StatusError{Code: fasthttp.StatusNoContent, Message: "stop"}

// Error returns the message.
func (r *StatusError) Error() string {
	if r.Message == "" {
		return "refused"
	}
	return r.Message
}

// problem is the body of every 4xx and 5xx answer.
type problem struct {
	Error  string `json:"error"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// errFailed is all that a client hears of an error that is not for it.
var errFailed = errors.New("the server failed; its log says why")

// refuse answers with err as JSON: field, value and remedy if it has them.
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

// answer answers as r says.
func (r *StatusError) answer(to *fasthttp.Response) {
	if r == nil { // a hook may return one as an error
		r = &StatusError{}
	}
	status := r.Code
	if status == 0 {
		status = fasthttp.StatusForbidden
	}
	if status == fasthttp.StatusNoContent {
		to.SetStatusCode(status)
		to.Header.Set(fasthttp.HeaderCacheControl, "no-store") // caches keep a 204, and give it to everybody
		return
	}
	refuse(to, status, r)
}

// instead returns the answer of r, with the headers that a stream would have
// had: what middleware set among them is for every answer.
func (r *StatusError) instead(head []byte) []byte {
	var to fasthttp.Response
	if to.Header.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)+1)) != nil {
		to.Header.Reset() // middleware's headers cannot be read: the answer counts
		to.Header.SetConnectionClose()
	}
	to.Header.SetStatusMessage(nil) // the stream's: OK
	to.Header.Del(fasthttp.HeaderTransferEncoding)
	r.answer(&to)
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
