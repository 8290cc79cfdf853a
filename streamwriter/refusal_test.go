package streamwriter

import (
	"slices"
	"testing"

	"github.com/fastsse/fastsse/internal/transcript"
)

// A cache that kept one client's refusal would give it to others, and end their streams.
func TestRefusalsAreNotStored(t *testing.T) {
	refusals := 0
	for _, a := range transcript.Answers(t) {
		if a.Status == 200 {
			continue
		}
		refusals++
		if !slices.Contains(a.Head, "Cache-Control: no-store") {
			t.Errorf("%s: %d may be stored: %q", a.File, a.Status, a.Head)
		}
	}
	if refusals == 0 {
		t.Error("no transcript has a refusal")
	}
}
