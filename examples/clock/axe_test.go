package main

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
)

// TestAxeFindsNothingWrong: in every state of the page, and on the one that is
// not there; light and dark, on a desktop and a phone.
func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	ctx := browser.New(t)
	s := exampletest.Serve(t, "", handler(50*time.Millisecond))
	browser.Open(t, ctx, s.URL+"/nope")
	browser.Audit(t, ctx, "404")
	browser.Open(t, ctx, s.URL)
	browser.Until(t, ctx, `document.querySelector("#custom code")`)
	browser.Audit(t, ctx, "connected")
	browser.Click(t, ctx, "#toggle")
	browser.Audit(t, ctx, "stopped")
	browser.Click(t, ctx, "#toggle")
	browser.Until(t, ctx, `source.readyState === 1`)
	s.Kill()
	browser.Until(t, ctx, `lost > 0`)
	browser.Audit(t, ctx, "disconnected")
}
