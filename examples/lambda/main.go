// Command lambda is an AWS Lambda function with response streaming. It sends an answer,
// a word per event, to one client, and goes on where the client was when it comes back.
//
//	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -o bootstrap ./examples/lambda
//
// (The tag leaves out what only the retired go1.x runtime needs, which is a quarter of the
// binary.) docs/platforms/lambda.md says how to deploy it.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/fastsse/fastsse/streamwriter"
)

//go:embed answer.txt
var text string

// longest is how long an invocation streams at most. Lambda does not tell a function that
// its client has left: the rest of the stream is run, and billed, for nobody. This bounds
// it. A client that is still there comes back, and costs one more invocation.
const longest = 5 * time.Minute

func main() {
	lambda.Start(newAnswer(text, 50*time.Millisecond).handle)
}

// answer is the same for every invocation. One that is generated (by a language model, say)
// must be kept where the next invocation finds it, such as a table or a bucket: the process
// that a client comes back to may be another one.
type answer struct {
	name  string // of this text: ids are "<name>-<how many words>"
	words []string
	every time.Duration
}

func newAnswer(text string, every time.Duration) *answer {
	return &answer{fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))), strings.Fields(text), every}
}

// handle answers a request to the function's URL, whose invoke mode is RESPONSE_STREAM.
func (a *answer) handle(ctx context.Context, req events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	method := req.RequestContext.HTTP.Method
	if method != http.MethodGet && method != http.MethodHead {
		body := strings.NewReader(fmt.Sprintf("cannot answer %s; ask with GET\n", method))
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: http.StatusMethodNotAllowed, Headers: map[string]string{"Allow": "GET, HEAD"}, Body: body,
		}, nil
	}
	resp := &events.LambdaFunctionURLStreamingResponse{Headers: streamHeaders()}
	if method == http.MethodHead {
		return resp, nil
	}
	// The runtime reads the body to its end, or closes it: no goroutine outlives the invocation.
	body, err := streamwriter.NewReader(streamwriter.Options{
		Context:     ctx,
		MaxAge:      maxAge(ctx),
		LastEventID: cmp.Or(req.Headers["last-event-id"], req.QueryStringParameters["lastEventId"]),
	}, a.send)
	if err != nil {
		return nil, err
	}
	resp.Body = body
	return resp, nil
}

// streamHeaders are those of an event stream. CORS is configured at the function's URL.
func streamHeaders() map[string]string {
	h, headers := http.Header{}, map[string]string{}
	streamwriter.SetHTTPHeaders(h)
	for name := range h {
		headers[name] = h.Get(name)
	}
	return headers
}

// maxAge lets a stream end before Lambda stops the function at its timeout (3 s unless
// configured, 900 s at most), which would leave half an event and no reconnection time.
func maxAge(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return longest
	}
	return max(min(longest, time.Until(deadline)*9/10), time.Millisecond)
}

// send sends the words that the client does not have, and then an event of type end, at
// which a page closes its EventSource. A response of Lambda's ends cleanly either way: an
// EventSource comes back after a clean end, but a client made with fetch has to look for
// the end event, and ask again with the last id if it has not come.
//
// An error, or a panic, is logged and reported to Lambda, and ends this stream only.
func (a *answer) send(w *streamwriter.Writer) error {
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	n := a.received(w.LastEventID())
	for ; n < len(a.words); n++ {
		select {
		case <-w.Context().Done(): // MaxAge; or the runtime has stopped reading
			return nil
		case <-tick.C:
		}
		if err := w.Send(streamwriter.Event{ID: a.id(n + 1), Data: []byte(a.words[n])}); err != nil {
			return err
		}
	}
	return w.Send(streamwriter.Event{ID: a.id(n), Type: "end"})
}

func (a *answer) id(n int) string { return a.name + "-" + strconv.Itoa(n) }

// received is how many words a client with this id has: none, if it is of another text.
func (a *answer) received(id string) int {
	count, _ := strings.CutPrefix(id, a.name+"-")
	n, err := strconv.ParseUint(count, 10, 31)
	if err != nil || id != a.id(int(n)) {
		return 0
	}
	return min(int(n), len(a.words))
}
