package main

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/alecthomas/kong"
)

// examples are shown at the end of a command's help.
var examples = map[string]string{
	"run": `ssebench run 'http://127.0.0.1:8080/events?topic=a' -publish-url 'http://127.0.0.1:8080/publish?topic=a' -streams 1000 -rate 20
  ssebench run 'http://127.0.0.1:8080/events?topic=a' -publish-url 'http://127.0.0.1:8080/publish?topic=a' -publishers 8 -rate 400`,
	"search":  `ssebench search 'http://127.0.0.1:8080/events?topic=a' -publish-url 'http://127.0.0.1:8080/publish?topic=a' -fail-if 'p99>50ms' -from 100 -to 10000`,
	"connect": `ssebench connect 'http://127.0.0.1:{{.Port}}/events' -streams 5000 -hold 30s -- ./my-server -listen 127.0.0.1:{{.Port}}`,
	"storm":   `ssebench storm 'http://127.0.0.1:8080/events?topic=a' -publish-url 'http://127.0.0.1:8080/publish?topic=a' -streams 5000 -missed 100`,
	"answers": `ssebench answers 'http://127.0.0.1:8080/v1/chat/completions' -body '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}' -c 20 -fail-if 'answers.first_event_ms.p99>500ms'`,
	"soak":    `ssebench soak 'http://127.0.0.1:8080/events?topic=a' -publish-url 'http://127.0.0.1:8080/publish?topic=a' -duration 1h -pid "$(pidof my-server)"`,
	"check":   `ssebench check 'https://example.org/events?topic=a' -publish-url 'https://example.org/publish?topic=a' -H 'Authorization: Bearer x'`,
	"compare": `ssebench compare before.json after.json`,
	"report":  `ssebench report -o report.html before.json after.json`,
	"serve":   `ssebench serve -addr 127.0.0.1:8080`,
	"schema":  `ssebench schema > result.schema.json`,
}

var (
	listed  = regexp.MustCompile(`(?m)^( +(?:-\w, )?)--(.+?)(    )`) // flags in the list of them
	doubled = regexp.MustCompile(`--(\[|[a-z])`)
)

// oneDash writes flags with one dash, as other Go programs do. Two are understood as well.
func oneDash(text string) string {
	return doubled.ReplaceAllString(listed.ReplaceAllString(text, "$1-$2 $3"), "-$1")
}

// help prints kong's help in that way, with an example.
func help(o kong.HelpOptions, ctx *kong.Context) error {
	out, text := ctx.Stdout, &bytes.Buffer{}
	ctx.Stdout = text
	err := kong.DefaultHelpPrinter(o, ctx)
	ctx.Stdout = out
	if at := ctx.Selected(); at != nil && examples[at.Name] != "" {
		fmt.Fprintf(text, "\nExample:\n  %s\n", examples[at.Name])
	}
	fmt.Fprint(out, oneDash(text.String()))
	return err
}
