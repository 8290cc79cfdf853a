package server

import (
	"encoding/json"
	"errors"

	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// Refusal is an error that says how a request is to be answered.
//
// EventSource never comes back after anything but 200: 401 and 403 end it for
// good, and so does 204, which says so without an error.
type Refusal struct {
	Status int    // zero means 403
	Reason string // for the client
}

// Error returns the reason.
func (r *Refusal) Error() string {
	if r.Reason == "" {
		return "refused"
	}
	return r.Reason
}

// problem is the body of every 4xx and 5xx answer.
type problem struct {
	Error  string `json:"error"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// refuse answers with err as JSON: field, value and remedy if it has them.
func refuse(ctx *fasthttp.RequestCtx, status int, err error) {
	p := problem{Error: err.Error()}
	if f, ok := errors.AsType[*streamwriter.FieldError](err); ok {
		p.Field, p.Value, p.Remedy = f.Field, f.Value, f.Remedy
	}
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil { // four strings: it cannot be
		body = []byte(`{"error":"refused"}`)
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBody(append(body, '\n'))
}

// refuseHook answers with what an Authorize hook returned.
func refuseHook(ctx *fasthttp.RequestCtx, err error) {
	status := fasthttp.StatusForbidden
	if r, ok := errors.AsType[*Refusal](err); ok && r.Status != 0 {
		status = r.Status
	}
	if status == fasthttp.StatusNoContent {
		ctx.SetStatusCode(status)
		return
	}
	refuse(ctx, status, err)
}

// refuseMethod answers a method that a handler does not serve.
func refuseMethod(ctx *fasthttp.RequestCtx, allow string) {
	ctx.Response.Header.Set(fasthttp.HeaderAllow, allow)
	refuse(ctx, fasthttp.StatusMethodNotAllowed, &streamwriter.FieldError{
		Field: "method", Value: shorten(string(ctx.Method())), Problem: "is not served here", Remedy: "use " + allow,
	})
}
