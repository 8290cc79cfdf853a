package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersPostsAndGates(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer x" || string(body) != `{"stream":true}` {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\ndata: [DONE]\n\n")
	}))
	defer s.Close()
	for line, want := range map[string]struct {
		status int
		says   string
	}{
		`-body {"stream":true} -H Authorization:Bearer_x -fail-if answers.truncated>0 -fail-if answers.first_event_ms.p99>1000s`: {0, "first event"},
		`-body {"stream":true} -H Authorization:Bearer_x -fail-if first_event.p50>0`:                                             {2, "answers.first_event_ms.p50"},
		`-body {"stream":true} -H Authorization:Bearer_y`:                                                                        {1, "400"},
		`-body {"stream":true} -H Authorization:Bearer_x -match ^no`:                                                             {1, "none of their events matched"},
		`-match [`: {1, "missing closing ]"},
		`-c 0`:     {1, "above zero"},
	} {
		var out, errs bytes.Buffer
		args := strings.Fields("answers " + s.URL + " -duration 200ms " + line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_x", " x")
		}
		status := run(t.Context(), args, &out, &errs)
		if text := out.String() + errs.String(); status != want.status || !strings.Contains(text, want.says) {
			t.Errorf("%s: status %d, want %d and %q in\n%s", line, status, want.status, want.says, text)
		}
	}
}
