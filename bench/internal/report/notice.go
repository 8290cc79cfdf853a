package report

import (
	"fmt"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// notice is something to know before reading any figure.
type notice struct {
	Kind  string // suspect, partial, error or rising
	Title string
	Of    string // the result, where there are several
	Text  string
	Items []string
}

func notices(runs []*run) []notice {
	var all []notice
	for _, r := range runs {
		for _, n := range noticesOf(r.result) {
			if len(runs) > 1 {
				n.Of = r.Label
			}
			all = append(all, n)
		}
	}
	return all
}

func noticesOf(r *result.Result) []notice {
	var all []notice
	if r.Suspect {
		all = append(all, notice{
			Kind: "suspect", Title: "Suspect", Items: r.SuspectOf,
			Text: "Something other than the server may have been the bottleneck: these figures are about that as much as about the server.",
		})
	}
	if r.Partial {
		all = append(all, notice{
			Kind: "partial", Title: "Partial",
			Text: fmt.Sprintf("Interrupted after %s: the figures cover only the time until then.", seconds(r.Seconds)),
		})
	}
	if r.FirstError != "" || r.Refused+r.Failed > 0 {
		all = append(all, notice{Kind: "error", Title: "Errors", Text: troubles(r), Items: nonEmpty(r.FirstError)})
	}
	if r.Trend != nil && len(r.Trend.Rising) > 0 {
		all = append(all, notice{Kind: "rising", Title: "Not flat", Text: "This rose from the first third to the last:", Items: r.Trend.Rising})
	}
	return all
}

// troubles counts what went wrong with streams.
func troubles(r *result.Result) string {
	var parts []string
	if r.Refused > 0 {
		parts = append(parts, plural(r.Refused, "stream")+" refused")
	}
	if r.Failed > 0 {
		parts = append(parts, plural(r.Failed, "stream")+" failed")
	}
	if len(parts) == 0 {
		return "The first error:"
	}
	text := strings.Join(parts, ", ")
	if r.FirstError != "" {
		text += "; the first error:"
	}
	return text
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
