package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// A gate on what is published breaks at a known rate, whatever the machine does.
func TestSearchFindsWhereAGateBreaks(t *testing.T) {
	url := startServe(t).url
	line := "search -c 2 -settle 10ms -linger 0s -duration 200ms -url " + url + "/events?topic=a -publish-url " + url + "/publish?topic=a "
	for flags, want := range map[string]struct {
		status          int
		highest, breaks float64 // bounds: at least, and at most
		tries           int
	}{
		"-from 100 -to 2000 -fail-if published>100 -json -":              {0, 450, 560, 7}, // 100 in 200 ms are 500 per second
		"-publishers 3 -from 100 -to 150 -fail-if published>100 -json -": {0, 150, 0, 2},
		"-from 100 -to 150 -fail-if published>100 -json -":               {0, 150, 0, 2},
		"-from 100 -fail-if published>1 -json -":                         {2, 0, 100, 1},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), strings.Fields(line+flags), &out, &errs)
		var got struct {
			Highest float64          `json:"highest_rate"`
			Breaks  float64          `json:"breaks_at"`
			Tries   []*result.Result `json:"tries"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%s: status %d, %v\n%s", flags, status, err, errs.String())
		}
		if status != want.status || got.Highest < want.highest || got.Highest > 505 || got.Breaks > want.breaks || len(got.Tries) != want.tries || strings.Count(errs.String(), " per second: ") != want.tries {
			t.Errorf("%s: status %d, highest %v, breaks %v, %d tries\n%s", flags, status, got.Highest, got.Breaks, len(got.Tries), errs.String())
		}
	}
	for _, flags := range []string{"", "-fail-if lost>0 -from 5 -to 3", "-fail-if lost>0 -html x"} {
		if status := run(t.Context(), strings.Fields(line+flags), new(bytes.Buffer), new(bytes.Buffer)); status != 1 {
			t.Errorf("%q: status %d, want 1", flags, status)
		}
	}
}
