package main

import (
	"testing"

	"github.com/fastsse/fastsse/examples/internal/exampletest"
)

// TestHEADIsAnsweredWithTheHeadersAlone: on every route that GET has.
func TestHEADIsAnsweredWithTheHeadersAlone(t *testing.T) {
	p := start(t, nil)
	for path, contentType := range map[string]string{
		"/":                      "text/html; charset=utf-8",
		"/page.css":              "text/css; charset=utf-8",
		"/page.js":               "text/javascript; charset=utf-8",
		"/live.js":               "text/javascript; charset=utf-8",
		"/scores":                "application/json",
		"/events?topic=scores/*": "text/event-stream",
	} {
		exampletest.HeadAlone(t, p.url+path, contentType)
	}
}
