// Command publish is an AWS Lambda function that publishes to a hub, which runs elsewhere.
// It holds no stream. A caller POSTs {"topic": …, "type": …, "data": …} to the function's
// URL, or through an HTTP API of API Gateway. HUB_URL and HUB_TOKEN in its environment say
// where the hub is ("https://feed.example.com"), and the token of its /publish.
//
//	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -o bootstrap ./examples/lambda/publish
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	p, err := newPublisher(os.Getenv("HUB_URL"), os.Getenv("HUB_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(p.handle)
}

// message is what a caller may send. An id or a retry are not for it to choose.
type message struct {
	Topic string          `json:"topic"`
	Type  string          `json:"type"`
	Data  json.RawMessage `json:"data"`
}

// refusal is the answer when there is no id.
type refusal struct {
	Error     string `json:"error"`
	Published string `json:"published"` // "no" or "unknown"
}

// handle answers with what the hub answers: 200 and {"id": …}, or 400 or 413 and why. Its
// own answers are 405 and 400; 502 if the hub cannot be reached, or refuses this function;
// and 504 if the hub's answer did not come in time.
func (p *publisher) handle(ctx context.Context, req events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	if method := req.RequestContext.HTTP.Method; method != http.MethodPost {
		return answer(http.StatusMethodNotAllowed, refusal{"cannot publish by " + method + "; use POST", "no"}), nil
	}
	body, err := read(req)
	if err != nil {
		return answer(http.StatusBadRequest, refusal{fmt.Sprintf(`cannot read the message: %v; send {"topic": …, "type": …, "data": …}`, err), "no"}), nil
	}
	timeout := p.timeout
	if deadline, ok := ctx.Deadline(); ok { // of the function: leave time to answer
		timeout = min(timeout, time.Until(deadline)*9/10)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, again := p.post(ctx, body)
	if again {
		resp, _ = p.post(ctx, body)
	}
	return resp, nil
}

// read returns the body of a request, if it is a message. It is passed on as it came.
func read(req events.LambdaFunctionURLRequest) (body []byte, err error) {
	body = []byte(req.Body)
	if req.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(req.Body); err != nil {
			return nil, err
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return body, d.Decode(new(message))
}

var jsonType = map[string]string{"Content-Type": "application/json"}

func answer(code int, r refusal) events.LambdaFunctionURLResponse {
	body, err := json.Marshal(r)
	if err != nil { // strings: it cannot be
		body = []byte("{}")
	}
	return events.LambdaFunctionURLResponse{StatusCode: code, Headers: jsonType, Body: string(body)}
}
