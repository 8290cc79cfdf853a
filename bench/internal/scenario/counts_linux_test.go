package scenario

import (
	"context"
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
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
	var once sync.Once
	h, all := &hub{}, make(chan struct{})
	sc := short(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			number := time.Duration(visits.Add(1))
			ctx, stop := context.WithCancel(r.Context())
			defer stop()
			go func() {
				<-all
				load.Pause(ctx, 700*time.Millisecond+number*20*time.Millisecond)
				stop()
			}()
			r = r.WithContext(ctx)
		}
		h.ServeHTTP(w, r)
	})))
	sc.Streams, sc.Settle, sc.PIDs, sc.Client.Returns = 400, time.Second, []int{many.Process.Pid}, false
	sc.Watch = func(v result.Sample) {
		if v.Streams == sc.Streams { // they settle, or are about to
			once.Do(func() { close(all) })
		}
	}
	r, err := Run(t.Context(), &sc)
	if err == nil || r == nil || r.Opened == 0 || *r.Expected != uint64(r.Opened)*r.Published {
		t.Fatalf("%v: opened %d, %d published, %d expected", err, r.Opened, r.Published, *r.Expected)
	}
}
