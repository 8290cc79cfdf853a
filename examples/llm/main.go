// Command llm passes on what a language model writes, token by token: between the program of
// a reader and an API of the format of OpenAI's chat completions, whose key stays here. When
// the reader leaves, the request to the API is cancelled at once, so that no token is paid
// for that nobody reads.
//
//	go run ./examples/llm
//	curl -N http://localhost:8080/v1/chat/completions -d '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
//
// It has a page with a prompt at /. Clients of the API, such as npm's openai and ai, read it
// as they read the API itself (baseURL: http://localhost:8080/v1). Without -upstream it asks
// a model of its own, which has only one answer. To ask a real one:
//
//	OPENAI_API_KEY=… go run ./examples/llm -upstream https://api.openai.com/v1 -model gpt-5-mini
//
// Whoever can connect spends your key: -addr is this machine alone by default, and a program
// that others use has its own login in front of the relay.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"os"
	"strings"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/valyala/fasthttp"
)

//go:embed index.html
var page []byte

func main() {
	addr := flag.String("addr", "localhost"+listen.Addr(), "`address` to listen on; PORT in the environment changes its port")
	upstream := flag.String("upstream", "", "`URL` of an API, up to /v1; its key is OPENAI_API_KEY in the environment (default: a model that is built in)")
	model := flag.String("model", "built-in", "`name` of the model that the page asks")
	listen.Parse()
	listen.Exit(run(*addr, *upstream, *model))
}

func run(addr, upstream, model string) error {
	if upstream == "" {
		at, err := serveBuiltIn()
		if err != nil {
			return err
		}
		upstream = at
	}
	r := &relay{upstream: strings.TrimSuffix(upstream, "/"), key: os.Getenv("OPENAI_API_KEY")}
	return listen.Serve(addr, "/v1/chat/completions -d '"+example(model)+"'", handler(r, model))
}

// example is a request that curl can make.
func example(model string) string {
	return `{"stream": true, "model": "` + model + `", "messages": [{"role": "user", "content": "Hello"}]}`
}

func handler(r *relay, model string) fasthttp.RequestHandler {
	routes := router.New()
	name, _ := json.Marshal(model) // escapes "<" as well
	routes.GET("/", listen.Page(fasthttp.StatusOK, bytes.Replace(page, []byte(`"MODEL"`), name, 1)))
	routes.POST("/v1/chat/completions", r.serve)
	return routes.Handler
}
