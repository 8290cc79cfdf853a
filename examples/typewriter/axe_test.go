package main

import (
	"testing"
	"time"

	"github.com/fastsse/fastsse/examples/internal/browser"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
)

// TestAxeFindsNothingWrong: in every state of the page, light and dark, on a
// desktop and a phone.
func TestAxeFindsNothingWrong(t *testing.T) {
	browser.NeedAxe(t)
	ctx := browser.New(t)
	s := exampletest.Serve(t, "", brisk(letter).handler())
	browser.Open(t, ctx, s.URL)
	browser.Audit(t, ctx, "before")
	browser.Press(t, ctx, "\r")
	browser.Until(t, ctx, `document.body.dataset.state === "ended"`)
	browser.Audit(t, ctx, "at the end")
	slow := exampletest.Serve(t, "", newTypewriter([]byte(letter), 50*time.Millisecond, time.Second).handler())
	start(t, ctx, slow.URL)
	browser.Until(t, ctx, `typed > 3`)
	browser.Audit(t, ctx, "typing")
	slow.Kill()
	browser.Until(t, ctx, `document.body.dataset.state === "waiting"`)
	browser.Audit(t, ctx, "disconnected")
	browser.Click(t, ctx, "#stop")
	browser.Audit(t, ctx, "stopped")
}
