package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A soak in which the server's goroutines become more and more ends with status 2.
func TestSoaksThatAreNotFlatFail(t *testing.T) {
	for leak, want := range map[int64]int{0: 0, 20: 2} {
		t.Run(fmt.Sprintf("leak of %d a look", leak), func(t *testing.T) {
			t.Parallel()
			var goroutines atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/debug") {
					fmt.Fprintf(w, "goroutine profile: total %d\n", goroutines.Add(leak))
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			t.Cleanup(func() {
				s.CloseClientConnections()
				s.Close()
			})
			var out, errs bytes.Buffer
			line := "soak -q -c 3 -churn 0 -settle 0s -duration 12s -url " + s.URL + "/ -pprof " + s.URL + "/debug"
			if status := run(t.Context(), strings.Fields(line), &out, &errs); status != want {
				t.Errorf("status %d, want %d\n%s%s", status, want, out.String(), errs.String())
			}
			if want > 0 && !strings.Contains(errs.String(), "the soak was not flat: goroutines from ") {
				t.Error(errs.String())
			}
		})
	}
}
