package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// pace is the time from one token to the next.
const pace = 40 * time.Millisecond

// serveBuiltIn serves the built-in model at a port of this machine, for as long as the
// program runs.
func serveBuiltIn() (url string, err error) {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = fasthttp.Serve(ln, builtIn) }()
	return "http://" + ln.Addr().String() + "/v1", nil
}

// builtIn is an API with a model that has only one answer, so that the example runs without
// a key.
func builtIn(ctx *fasthttp.RequestCtx) {
	var request struct {
		Model    string
		Messages []struct{ Content any } // a string, or a list of parts
	}
	if err := json.Unmarshal(ctx.PostBody(), &request); err != nil || len(request.Messages) == 0 {
		answer(ctx, fasthttp.StatusBadRequest, problem("a request needs messages"))
		return
	}
	asked, _ := json.Marshal(request.Messages[len(request.Messages)-1].Content)
	streamwriter.Serve(ctx, streamwriter.Options{Retry: -1}, func(w *streamwriter.Writer) error {
		key := time.Tick(pace)
		for _, token := range tokens(string(asked)) {
			select {
			case <-w.Context().Done(): // nobody reads on
				return nil
			case <-key:
				if err := w.SendJSON(streamwriter.Event{}, chunk(request.Model, map[string]string{"content": token}, nil)); err != nil {
					return err
				}
			}
		}
		if err := w.SendJSON(streamwriter.Event{}, chunk(request.Model, map[string]string{}, "stop")); err != nil {
			return err
		}
		return w.SendString("", "[DONE]")
	})
}

// tokens are the words of the answer, each with the space before it.
func tokens(asked string) []string {
	return regexp.MustCompile(`\s*\S+`).FindAllString(fmt.Sprintf(`You have asked %s. I would have to be a language model to know.

What I do know is how these words came to you. Each was an event of a stream, which a relay read and passed on the moment it came: 日本, naïve, 🎈. Had you left in the middle, the relay would have hung up on me at once, and the rest would have stayed unsaid.

Give the relay an -upstream and a key, and a better one than me will answer.`, asked), -1)
}

// chunk is an event of the API.
func chunk(model string, delta map[string]string, finish any) map[string]any {
	choice := map[string]any{"index": 0, "delta": delta, "finish_reason": finish}
	return map[string]any{
		"id": "chatcmpl-built-in", "object": "chat.completion.chunk", "created": time.Now().Unix(), "model": model,
		"choices": []any{choice},
	}
}
