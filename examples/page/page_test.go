package page_test

import (
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
	"github.com/fastsse/fastsse/examples/page"
)

// TestHEADIsAnsweredWithTheHeadersAlone: on every route that GET has.
func TestHEADIsAnsweredWithTheHeadersAlone(t *testing.T) {
	r := router.New()
	page.Mount(r, []byte("<!doctype html>"))
	s := exampletest.Serve(t, "", r.Handler)
	for path, contentType := range map[string]string{
		"/":                "text/html; charset=utf-8",
		"/sharedevents.js": "text/javascript; charset=utf-8",
		"/page.css":        "text/css; charset=utf-8",
	} {
		exampletest.HeadAlone(t, s.URL+path, contentType)
	}
}
