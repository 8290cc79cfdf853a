package scenario

import (
	"context"
	"net/http"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Streams end all the time, also while the server's many processes are looked at: those that
// were open when publishing began are the ones that are to get all events.
func TestOpenedAreThoseThatAreToGetAllEvents(t *testing.T) {
	many := exec.Command("sh", "-c", "for i in $(seq 200); do sleep 60 & done; wait")
	many.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := many.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-many.Process.Pid, syscall.SIGKILL)
		_ = many.Wait()
	})
	var visits atomic.Int64
	h := &hub{}
	sc := short(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			ctx, stop := context.WithTimeout(r.Context(), 1500*time.Millisecond+time.Duration(visits.Add(1))*4*time.Millisecond)
			defer stop()
			r = r.WithContext(ctx)
		}
		h.ServeHTTP(w, r)
	})))
	sc.Streams, sc.Settle, sc.PIDs, sc.Client.Returns = 400, time.Second, []int{many.Process.Pid}, false
	r, err := Run(t.Context(), &sc)
	if err == nil || r == nil || r.Opened == 0 || *r.Expected != uint64(r.Opened)*r.Published {
		t.Fatalf("%v: opened %d, %d published, %d expected", err, r.Opened, r.Published, *r.Expected)
	}
}
