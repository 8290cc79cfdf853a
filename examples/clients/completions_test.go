package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/streamwriter"
	ssestream1 "github.com/openai/openai-go/packages/ssestream"
	ssestream3 "github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/valyala/fasthttp"
)

// Clients of OpenAI's chat completions read a stream that Serve writes to the letter, with
// heartbeats between its tokens.
func TestClientsOfOpenAIReadServe(t *testing.T) {
	routes := router.New()
	routes.POST("/v1/chat/completions", func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{Heartbeat: 2 * time.Millisecond}, func(w *streamwriter.Writer) error {
			for i, token := range tokens() {
				if i%20 == 0 {
					time.Sleep(10 * time.Millisecond) // heartbeats come
				}
				if err := w.SendString("", chunk(token)); err != nil {
					return err
				}
			}
			return w.SendString("", "[DONE]")
		})
	})
	s := exampletest.Serve(t, "", routes.Handler)
	for name, got := range complete(t, s.URL+"/v1", "serve") {
		if got.Data != strings.Join(tokens(), "") || got.Type != "" {
			t.Errorf("%s: %s %q", name, got.Type, got.Data)
		}
	}
}

// completionFaults are the clients of OpenAI's API that do not take every form of heartbeats.
var completionFaults = map[string]map[string]bool{
	"openai-go-1": {"`: x` and a blank line": true, "`:` and a blank line": true}, // blank lines are events to it
}

// They take the forms of heartbeats as completionFaults says.
func TestHeartbeatFormsOfCompletions(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Model string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		i, _ := strconv.Atoi(body.Model)
		w.Header().Set("Content-Type", "text/event-stream")
		for _, token := range tokens() {
			_, _ = io.WriteString(w, "data: "+chunk(token)+"\n\n"+forms[i].bytes)
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer s.Close()
	var models []string
	for i := range forms {
		models = append(models, strconv.Itoa(i))
	}
	for name, got := range complete(t, s.URL+"/v1", models...) {
		client, model, _ := strings.Cut(name, " ")
		i, _ := strconv.Atoi(model)
		breaks := got.Data != strings.Join(tokens(), "")
		if want := completionFaults[client][forms[i].name]; breaks != want {
			t.Errorf("%s: heartbeats of the form %s: it breaks: %v, want %v; it got %.200q", client, forms[i].name, breaks, want, got)
		}
	}
}

// tokens are the pieces of an answer.
func tokens() (list []string) {
	for i := range 200 {
		list = append(list, fmt.Sprintf("%d ✓\n\n\"data: x\"\u2028", i))
	}
	return list
}

// chunk is an event's data of the chat completions protocol.
func chunk(token string) string {
	content, _ := json.Marshal(token)
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":` +
		string(content) + `},"finish_reason":null}]}`
}

// complete lets each client read an answer of each model. What it got is under its name, a
// space, and the model.
func complete(t *testing.T, url string, models ...string) map[string]entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // node takes long to load the packages
	defer cancel()
	got := map[string]entry{}
	for _, model := range models {
		got["openai-go-3 "+model] = readGo(ctx, url, model, openaiGo3)
		got["openai-go-1 "+model] = readGo(ctx, url, model, openaiGo1)
	}
	lines := make(chan []byte, 16)
	runNode(t, append([]string{"testdata/completions.mjs", url}, models...), func(line []byte) { lines <- append([]byte(nil), line...) })
	for range 2 * len(models) {
		select {
		case line := <-lines:
			var e struct{ Client, ID, Type, Data string }
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			got[e.Client+" "+e.ID] = entry{e.ID, e.Type, e.Data}
		case <-ctx.Done():
			t.Fatalf("node does not answer; so far: %q", got)
		}
	}
	return got
}

// answer is a chunk, as far as the tests look at it.
type answer struct {
	Choices []struct{ Delta struct{ Content string } }
}

// readGo reads an answer with what openai-go reads streams with. (Its client as a whole takes
// minutes to compile.)
func readGo(ctx context.Context, url, model string, read func(*http.Response) stream) (got entry) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(`{"model":"`+model+`"}`))
	if err != nil {
		return ended(got, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return ended(got, err)
	}
	s := read(res)
	defer s.Close()
	for s.Next() {
		got.Data += s.Current().Choices[0].Delta.Content
	}
	return ended(got, s.Err())
}

// stream is a stream of openai-go, of whichever version.
type stream interface {
	Next() bool
	Current() answer
	Err() error
	Close() error
}

func openaiGo1(res *http.Response) stream {
	return ssestream1.NewStream[answer](ssestream1.NewDecoder(res), nil)
}

func openaiGo3(res *http.Response) stream {
	return ssestream3.NewStream[answer](ssestream3.NewDecoder(res), nil)
}

// ended adds the error with which a stream ended.
func ended(got entry, err error) entry {
	if err != nil {
		got.Type, got.Data = "error", got.Data+" "+err.Error()
	}
	return got
}
